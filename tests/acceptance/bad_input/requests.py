"""Wishes that must be refused for a circuit that is good."""

from tests.acceptance.bad_input.trials import BELL, QASM3, V1_DOORS, Bad
from tests.acceptance.doors import Attempt

_THIRTY = QASM3 + b"qubit[30] q; bit[30] c; h q; c = measure q;"
_SIXTY_FOUR = QASM3 + b"qubit[64] q; bit[64] c; h q; c = measure q;"
_MILLION_TERMS = (tuple([("ZZ", 1.0)] * 1_000_000),)


def _expval(*observables: tuple[tuple[str, float], ...]) -> Attempt:
    return Attempt(BELL, result_types=("expval",), observables=observables)


BAD_REQUESTS = (
    Bad("unknown backend", Attempt(BELL, backend="aerr"), r"aerr.*aer"),
    Bad("no result type", Attempt(BELL, result_types=()), r"result.type"),
    Bad("no shots", Attempt(BELL, shots=0), r"shots"),
    Bad("shots of 10^9", Attempt(BELL, shots=10**9), r"shots is 1,000,000,000; the limit is 10,000,000"),
    Bad("shots of 10^12", Attempt(BELL, shots=10**12), r"shots is 1,000,000,000,000; the limit is 10,000,000"),
    Bad("shots past 64 bits", Attempt(BELL, shots=10**40), r"shots|double", ("AddJob", "POST /jobs")),
    Bad("memory of 30 bits x 10^9 shots", Attempt(_THIRTY, result_types=("memory",), shots=10**9), r"limit", V1_DOORS),
    Bad(
        "memory of 64 bits x 10^7 shots, each allowed alone",
        Attempt(_SIXTY_FOUR, backend="aer_stabilizer", result_types=("memory",), shots=10**7),
        r"80,000,000 bytes.*67,108,864",
        V1_DOORS,
    ),
    Bad("expval without observables", Attempt(BELL, result_types=("expval",)), r"observable"),
    Bad("an observable of the wrong width", _expval((("ZZZ", 1.0),)), r"ZZZ|3.*2 qubits"),
    Bad(
        "an observable of 1,000,000 terms",
        _expval(*_MILLION_TERMS),
        r"1,000,000 Pauli terms|more than 10,000 Pauli terms|more than 520,597",
        V1_DOORS,
    ),
    Bad("an observable of a million terms as metadata", _expval(*_MILLION_TERMS), r"limit is 65,536", ("AddJob",)),
    Bad("metadata of 100,000 keys", Attempt(BELL, metadata={f"k{n}": n for n in range(100_000)}), "65,536"),
    Bad("unknown option", Attempt(BELL, options={"presicion": "single"}), r"presicion", V1_DOORS),
    Bad("a GPU that nobody has", Attempt(BELL, backend="aer_statevector", options={"device": "GPU"}), r"GPU", V1_DOORS),
    Bad("a request_id of two lines", Attempt(BELL, request_id="a\nb"), r"printable", V1_DOORS),
    Bad("a request_id of 10,000 letters", Attempt(BELL, request_id="x" * 10_000), r"128", V1_DOORS),
    Bad("a backend of two lines", Attempt(BELL, backend='aer\n{"level":"critical"}'), r"printable|pattern"),
    Bad("a path for a backend", Attempt(BELL, backend="../../etc/passwd"), r"is unknown"),
    Bad("SQL for a backend", Attempt(BELL, backend="aer'; DROP TABLE jobs; --"), r"is unknown"),
    Bad("NUL in metadata", Attempt(BELL, metadata={"a": "\0"}), r"NUL|character"),
)
