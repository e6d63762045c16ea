"""What bad input gets: a clear sentence naming the thing and the limit, through every door; nothing is left behind."""

import re
from dataclasses import dataclass

import httpx
import pytest

from tests.acceptance.deployment import Deployment
from tests.acceptance.doors import DOORS, Attempt

BELL = b'OPENQASM 2.0; include "qelib1.inc"; qreg q[2]; creg c[2]; h q[0]; cx q[0],q[1]; measure q -> c;'
QASM3 = b'OPENQASM 3.0; include "stdgates.inc"; '


def _doubling(times: int) -> bytes:
    gates = "".join(f"gate g{n} a {{ g{n - 1} a; g{n - 1} a; }} " for n in range(1, times))
    return f'OPENQASM 2.0; include "qelib1.inc"; gate g0 a {{ x a; }} {gates} qreg q[1]; g{times - 1} q[0];'.encode()


@dataclass(frozen=True, slots=True)
class Bad:
    """A submission and the sentence it gets. `only` names the doors whose dialect can say it."""

    name: str
    attempt: Attempt
    sentence: str
    only: tuple[str, ...] = tuple(DOORS)


BAD = [
    Bad("empty circuit", Attempt(b""), r"circuit is empty|a circuit|circuit_base64"),
    Bad(
        "too large a circuit", Attempt(b"//" + b"x" * (8 << 20)), r"8,388,6\d\d bytes; the limit is 8,388,608|too large"
    ),
    Bad("no UTF-8", Attempt(b"OPENQASM 2.0;\xff\xfe"), r"UTF-8", only=("SubmitJob", "SubmitJobs", "POST /jobs")),
    Bad("NUL byte", Attempt(b"OPENQASM 2.0;\x00"), r"NUL|control|character"),
    Bad("neither QASM nor QPY", Attempt(b"hello"), r"OPENQASM"),
    Bad("unknown gate", Attempt(BELL.replace(b"h q[0]", b"hh q[0]")), r"hh"),
    Bad(
        "missing semicolon",
        Attempt(b'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1]\nh q[0];'),
        r"line 4, column 1: needed ';'",
    ),
    Bad("a file of the server", Attempt(b'OPENQASM 2.0; include "/etc/passwd"; qreg q[1];'), r"include"),
    Bad("unknown backend", Attempt(BELL, backend="aerr"), r"aerr.*aer"),
    Bad("no result type", Attempt(BELL, result_types=()), r"result.type"),
    Bad("expval without observables", Attempt(BELL, result_types=("expval",)), r"observable"),
    Bad(
        "observable of the wrong width",
        Attempt(BELL, result_types=("expval",), observables=((("ZZZ", 1.0),),)),
        r"ZZZ|3.*2 qubits",
    ),
    Bad("no shots", Attempt(BELL, shots=0), r"shots"),
    Bad("a billion shots", Attempt(BELL, shots=10**9), r"shots is 1,000,000,000; the limit is 10,000,000"),
    Bad("counts without measurements", Attempt(QASM3 + b"qubit q; h q;"), r"measure"),
    Bad(
        "unbound parameters",
        Attempt(QASM3 + b"input float theta; qubit q; bit c; rx(theta) q; c = measure q;"),
        r"theta",
    ),
    Bad(
        "more qubits than any worker holds",
        Attempt(QASM3 + b"qubit[60] q; bit[60] c; h q; rx(0.1) q; c = measure q;", backend="aer_statevector"),
        r"60 qubits.*(?s:.*)aer_matrix_product_state",
    ),
    Bad("a register without end", Attempt(b"OPENQASM 2.0; qreg q[1000000000];"), r"1,?000,?000,?000|qubits"),
    Bad("an overflowing register", Attempt(b"OPENQASM 2.0; qreg q[99999999999999999999];"), r"bits; the limit is"),
    Bad("doubling gates", Attempt(_doubling(30)), r"operations|gate"),
    Bad(
        "deep parentheses", Attempt(QASM3 + b"qubit q; rx(" + b"(" * 100_000 + b"1" + b")" * 100_000 + b") q;"), r"nest"
    ),
    Bad("a loop without end", Attempt(QASM3 + b"qubit q; bit c; while (true) { x q; } c = measure q;"), r"while"),
    Bad(
        "unknown option",
        Attempt(BELL, options={"presicion": "single"}),
        r"presicion",
        only=("SubmitJob", "SubmitJobs", "POST /jobs"),
    ),
    Bad(
        "a GPU that nobody has",
        Attempt(BELL, backend="aer_statevector", options={"device": "GPU"}),
        r"GPU",
        only=("SubmitJob", "SubmitJobs", "POST /jobs"),
    ),
]
CASES = [pytest.param(bad, door, id=f"{bad.name} by {door}") for bad in BAD for door in bad.only]
EXPECTED_STATUS = re.compile(r"INVALID_ARGUMENT|400|413|422|RESOURCE_EXHAUSTED")


def _stored(deployment: Deployment) -> int:
    metrics = httpx.get(f"{deployment.http_url}/metrics", timeout=10).text
    return round(
        sum(float(value) for value in re.findall(r"^qserver_jobs\{[^}]*\} ([0-9.e+]+)$", metrics, re.MULTILINE))
    )


@pytest.mark.parametrize(("bad", "door"), CASES)
def test_bad_input_is_refused_with_a_sentence_and_leaves_nothing(deployment: Deployment, bad: Bad, door: str) -> None:
    stored_before = _stored(deployment)

    answer = DOORS[door](deployment, bad.attempt)

    assert answer.job_id is None
    assert EXPECTED_STATUS.fullmatch(answer.status), answer
    assert re.search(bad.sentence, answer.sentence, re.IGNORECASE), answer.sentence
    assert _stored(deployment) == stored_before


@pytest.mark.parametrize("door", DOORS)
def test_the_same_door_takes_a_good_circuit(deployment: Deployment, door: str) -> None:
    answer = DOORS[door](deployment, Attempt(BELL))

    assert answer.job_id is not None, answer


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/v1/job/no-uuid", 400, "UUID"),
        ("/api/v1/job/00000000-0000-4000-8000-00000000dead", 404, "00000000-0000-4000-8000-00000000dead"),
        ("/api/v1/jobs/?cursor=-1", 400, "cursor"),
        ("/api/v1/history/?cursor=-1", 400, "cursor"),
        ("/api/v1/backends/?cursor=x", 400, "cursor"),
        ("/api/v1/backend/nobody", 404, "nobody"),
    ],
)
def test_a_bad_question_gets_a_sentence(deployment: Deployment, path: str, status: int, sentence: str) -> None:
    answer = httpx.get(f"{deployment.http_url}{path}", timeout=10)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["msg"]


def test_broken_json_gets_a_sentence(deployment: Deployment) -> None:
    answer = httpx.post(
        f"{deployment.http_url}/api/v1/jobs",
        content=b'{"backend": ',
        headers={"content-type": "application/json"},
        timeout=10,
    )

    assert answer.status_code == 400
    assert "JSON" in answer.json()["msg"]
