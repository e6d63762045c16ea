"""From a Qiskit circuit to the plain numbers that planning needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, ForLoopOp, Qubit

from plugins.aer.circuit_walk import blocks_of, expand, instructions_of, turns_of
from plugins.aer.cliffords import is_clifford
from plugins.aer.final_measurements import SplitCircuit, split
from qserver.circuits import CircuitProfile, ClassicalRegister

RANK_TWO_GATES = frozenset(
    {"cx", "cy", "cz", "ch", "cp", "cu1", "crx", "cry", "crz", "cs", "csdg", "csx", "cu", "cu3", "ecr"}
    | {"rxx", "ryy", "rzz", "rzx", "ccx", "ccz"}
)
"""Gates whose operator Schmidt rank across any cut is at most 2; others are bounded by their width."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What one walk over the instructions finds; see the fields of CircuitProfile."""

    depth: int
    num_multi_qubit_gates: int
    max_interaction_distance: int
    entanglement_bits: int
    num_active_qubits: int


def profile(circuit: QuantumCircuit, *, expanded: QuantumCircuit | None = None) -> CircuitProfile:
    """Describe a circuit that has passed `inspector`'s checks.

    `expanded` is what `circuit_walk.expand` makes of it, where somebody has done that already.
    """
    parts = split(circuit)
    expanded = expand(circuit) if expanded is None else expanded
    written = _shape(circuit)
    run = written if expanded is circuit else _shape(expanded)
    is_measured_midway = _is_measured_midway(circuit, parts)
    return CircuitProfile(
        num_qubits=circuit.num_qubits,
        num_clbits=circuit.num_clbits,
        depth=written.depth,
        size=expanded.size(),
        gate_counts=_counts(circuit),
        num_multi_qubit_gates=written.num_multi_qubit_gates,
        is_clifford=is_clifford(expanded),
        has_only_final_measurements=not is_measured_midway,
        has_mid_circuit_measurement=is_measured_midway,
        has_reset=parts.has_other_resets,
        has_control_flow=circuit.has_control_flow_op(),
        num_measured_clbits=len(_measured_clbits(circuit)),
        classical_registers=_registers(circuit),
        parameters=tuple(parameter.name for parameter in circuit.parameters),
        basis_counts={} if expanded is circuit else _counts(expanded),
        max_interaction_distance=run.max_interaction_distance,
        entanglement_bits=run.entanglement_bits,
        num_active_qubits=run.num_active_qubits,
    )


def entanglement_bits(steps: Sequence[int]) -> int:
    """Bound the base-2 logarithm of the Schmidt rank across every cut of the qubits in their order.

    `steps[q]` is by how much the bound rises, or falls, from the cut before qubit q to the one behind it: a gate of
    operator Schmidt rank r multiplies the rank across each cut it spans by r at most (Vidal, Phys. Rev. Lett. 91,
    147902 (2003)), and no cut with k qubits on one side has a rank above 2^k.
    """
    num_qubits = len(steps)
    crossing, highest = 0, 0
    for cut in range(num_qubits - 1):
        crossing += steps[cut]
        highest = max(highest, min(crossing, cut + 1, num_qubits - cut - 1))
    return highest


def _shape(circuit: QuantumCircuit) -> _Shape:
    """Walk once: a circuit may have a million instructions, and each one that Qiskit hands out costs."""
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    levels: dict[Qubit | Clbit, int] = dict.fromkeys((*circuit.qubits, *circuit.clbits), 0)
    steps = [0] * circuit.num_qubits
    active: set[Qubit] = set()
    num_multi_qubit_gates, distance = 0, 0
    for instruction in circuit.data:
        qubits = instruction.qubits
        bits = qubits + instruction.clbits
        is_barrier = instruction.name == "barrier"
        level = max((levels[bit] for bit in bits), default=0) + (not is_barrier)
        for bit in bits:
            levels[bit] = level
        if is_barrier:
            continue
        active.update(qubits)
        if len(qubits) > 1:
            places = [index[qubit] for qubit in qubits]
            low, high = min(places), max(places)
            rank_bits = _rank_bits(instruction, circuit.num_qubits)
            steps[low] += rank_bits
            steps[high] -= rank_bits
            distance = max(distance, high - low)
            num_multi_qubit_gates += 1
    depth = max(levels.values(), default=0)
    return _Shape(depth, num_multi_qubit_gates, distance, entanglement_bits(steps), len(active))


def _rank_bits(instruction: CircuitInstruction, num_qubits: int) -> int:
    if instruction.is_control_flow():
        return num_qubits  # its blocks may run any number of times
    return rank_bits(instruction.name, len(instruction.qubits))


def rank_bits(name: str, num_qubits: int) -> int:
    """Bound the base-2 logarithm of a gate's operator Schmidt rank across any cut of its qubits."""
    return 1 if name in RANK_TWO_GATES else 2 * (num_qubits // 2)


def _counts(circuit: QuantumCircuit) -> dict[str, int]:
    return {name: int(count) for name, count in circuit.count_ops().items()}


def _is_measured_midway(circuit: QuantumCircuit, parts: SplitCircuit) -> bool:
    if int(circuit.count_ops().get("measure", 0)) > len(parts.measurements):
        return True
    return circuit.has_control_flow_op() and any(
        found.name == "measure"
        for instruction in parts.body
        for block in blocks_of(instruction)
        for found in instructions_of(block)
    )


def _measured_clbits(circuit: QuantumCircuit) -> set[int]:
    measured: set[int] = set()
    for instruction in circuit.data:
        if instruction.name == "measure" or instruction.is_control_flow():
            measured.update(_written_clbits(circuit, instruction))
    return measured


def _written_clbits(circuit: QuantumCircuit, instruction: CircuitInstruction) -> set[int]:
    if instruction.name == "measure":
        return {circuit.find_bit(instruction.clbits[0]).index}
    written: set[int] = set()
    if isinstance(instruction.operation, ForLoopOp) and turns_of(instruction.operation) == 0:
        return written
    for block in blocks_of(instruction):
        outer = dict(zip(block.clbits, instruction.clbits, strict=True))
        for index in _measured_clbits(block):
            written.add(circuit.find_bit(outer[block.clbits[index]]).index)
    return written


def _registers(circuit: QuantumCircuit) -> tuple[ClassicalRegister, ...]:
    """Give the registers where they tile the bits in order; loose or shared bits are shown as one row."""
    tiled = [bit for register in circuit.cregs for bit in register]
    if tiled != circuit.clbits:
        return (ClassicalRegister("", circuit.num_clbits),) if circuit.num_clbits else ()
    return tuple(ClassicalRegister(register.name, register.size) for register in circuit.cregs)
