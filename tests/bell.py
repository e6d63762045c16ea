"""A Bell pair, both qubits measured: for tests that need some circuit and some run, and neither parse nor run one."""

from qserver.circuits import CircuitProfile, ClassicalRegister
from qserver.plugins import Plan
from qserver.results import RunRecord

BELL_PROFILE = CircuitProfile(
    num_qubits=2,
    num_clbits=2,
    depth=3,
    size=4,
    gate_counts={"h": 1, "cx": 1, "measure": 2},
    num_multi_qubit_gates=1,
    is_clifford=True,
    has_only_final_measurements=True,
    has_mid_circuit_measurement=False,
    has_reset=False,
    has_control_flow=False,
    num_measured_clbits=2,
    classical_registers=(ClassicalRegister("c", 2),),
    parameters=(),
    max_interaction_distance=1,
    entanglement_bits=1,
)

BELL_PLAN = Plan("statevector", "CPU", "double", threads=1, memory_bytes=1024, seconds=0.001, reason="it is small")

BELL_RUN = RunRecord(
    backend="aer",
    method="statevector",
    device="CPU",
    float_precision="double",
    shots=1000,
    seed=None,
    threads=1,
    reason="it is small",
    plugin="aer",
    plugin_version="1",
    engine="qiskit-aer",
    engine_version="0.17",
)
