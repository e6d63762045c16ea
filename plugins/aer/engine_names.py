"""Names that an engine takes by their meaning: a user's own gate that bears one is written out before it gets there."""

from qiskit.circuit.library import get_standard_gate_name_mapping

STANDARD_GATE_NAMES = frozenset(get_standard_gate_name_mapping())

OPERATION_NAMES = frozenset(
    {"barrier", "break_loop", "continue_loop", "delay", "diagonal", "for_loop", "if_else", "initialize", "mcx"}
    | {"measure", "pauli", "reset", "switch_case", "unitary"}
)
"""Operations beside standard gates that circuits may hold and Aer may run."""

_AER_NAMES = frozenset(
    {
        "aer_store",
        "store",
        "jump",
        "kraus",
        "mark",
        "multiplexer",
        "qerror_loc",
        "quantum_channel",
        "roerror",
        "superop",
    }
    | {"mcp", "mcphase", "mcr", "mcrx", "mcry", "mcrz", "mcswap", "mcsx", "mcu", "mcu1", "mcu2", "mcu3", "mcx_gray"}
    | {"box", "mcy", "mcz", "cu2", "ccz"}
    | {f"{verb}_{kind}" for verb in ("save", "set") for kind in ("state", "statevector", "density_matrix", "unitary")}
    | {f"{verb}_{kind}" for verb in ("save", "set") for kind in ("superop", "stabilizer", "matrix_product_state")}
    | {"save_amplitudes", "save_amplitudes_sq", "save_clifford", "save_expval", "save_expval_var"}
    | {"save_probabilities", "save_probabilities_dict", "save_statevector_dict"}
)
"""What Aer's assembler acts on by name alone (qiskit_aer 0.18, `backends/aer_compiler.py`)."""

ENGINE_NAMES = STANDARD_GATE_NAMES | OPERATION_NAMES | _AER_NAMES
