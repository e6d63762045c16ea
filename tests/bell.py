"""A Bell pair, both qubits measured, as inspection describes it: for tests that need some circuit and parse none."""

from qserver.circuits import CircuitProfile, ClassicalRegister

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
