"""Bad questions, and bodies that are no jobs."""

import httpx
import pytest

from tests.acceptance.bad_input.condition import unharmed
from tests.acceptance.deployment import Deployment
from tests.tried import Tried

JSON = {"content-type": "application/json"}
GOOD = '"backend": "aer", "circuit": "OPENQASM 2.0; qreg q[1];", "result_types": ["counts"]'
MILLION = 1_000_000
MILLION_MEMBERS = ",".join(f'"k{number}":1' for number in range(MILLION))
MEMBERS_OF_METADATA = f'"metadata": {{{MILLION_MEMBERS}}}'
ONES = "1" * MILLION
TOO_MANY = "more than 520,597 JSON values"
EMPTY_LISTS = '"metadata": {"a": [' + ",".join(["[]"] * 10 * MILLION) + "]}"
HALF_A_MILLION_UNKNOWN = '"result_types": [' + ",".join(['"zz"'] * (MILLION // 2)) + "]"
HALF_A_MILLION_MEMBERS = ",".join(f'"k{number}":1' for number in range(MILLION // 2))
WRONG_OBSERVABLES = '"observables": [' + ",".join(['[["Q",1]]'] * 120_000) + "]"
UNKNOWN_TYPES = '"result_types": [' + ",".join(["7"] * MILLION) + "]"


def nested(depth: int) -> str:
    return '"metadata": {"a": ' + "[" * depth + "]" * depth + "}"


QUESTIONS = [
    ("/api/v1/job/no-uuid", 400, "UUID"),
    ("/api/v1/job/00000000-0000-4000-8000-00000000dead", 404, "00000000-0000-4000-8000-00000000dead"),
    ("/api/v1/job/1'%20OR%20'1'='1", 400, "UUID"),
    ("/api/v1/jobs/?cursor=-1", 400, "cursor"),
    ("/api/v1/jobs/?cursor=0;DROP%20TABLE%20jobs", 400, "cursor"),
    ("/api/v1/jobs/?cursor=" + "9" * 5000, 400, "cursor"),
    ("/api/v1/history/?cursor=-1", 400, "cursor"),
    ("/api/v1/backends/?cursor=x", 400, "cursor"),
    ("/api/v1/backend/nobody", 404, "nobody"),
    ("/api/v1/backend/%25s%25n%00", 400, "name"),
]

BODIES = {
    "broken JSON": ('{"backend": ', 400, "JSON"),
    "JSON nested 10,000 deep": (f"{{{GOOD}, {nested(10_000)}}}", 400, "depth limit exceeded"),
    "JSON nested 100 deep": (f"{{{GOOD}, {nested(100)}}}", 400, "deeper than 30 levels"),
    "a million members": (f"{{{GOOD}, {MILLION_MEMBERS}}}", 413, TOO_MANY),
    "metadata of a million keys": (f"{{{GOOD}, {MEMBERS_OF_METADATA}}}", 413, TOO_MANY),
    "ten million empty lists": (f"{{{GOOD}, {EMPTY_LISTS}}}", 413, TOO_MANY),
    "a million unknown result types": (f'{{"backend": "aer", "circuit": "x", {UNKNOWN_TYPES}}}', 413, TOO_MANY),
    "500,000 unknown result types": (
        f'{{"backend": "aer", "circuit": "x", {HALF_A_MILLION_UNKNOWN}}}',
        400,
        "body.result_types.0: Input should be 'counts'",
    ),
    "500,000 unknown members": (f"{{{GOOD}, {HALF_A_MILLION_MEMBERS}}}", 400, "body.k0"),
    "120,000 wrong observables": (f"{{{GOOD}, {WRONG_OBSERVABLES}}}", 400, "letters I, X, Y and Z"),
    "NaN": (f'{{{GOOD}, "precision": NaN}}', 400, "JSON decode error"),
    "Infinity": (f'{{{GOOD}, "precision": -Infinity}}', 400, "JSON decode error"),
    "a number past all doubles": (f'{{{GOOD}, "precision": 1e999}}', 400, "number is infinity"),
    "a number of a million digits": (f'{{{GOOD}, "shots": {ONES}}}', 400, "number is infinity"),
    "a whole number that no double holds": (f'{{{GOOD}, "metadata": {{"a": {2**53 + 1}}}}}', 400, "2^53"),
    "half a surrogate pair": (f'{{{GOOD}, "metadata": {{"a": "\\ud800"}}}}', 400, "JSON decode error"),
    "a list": ("[]", 400, "body"),
    "a member twice, as a name and as a number": (f'{{{GOOD}, "backend": 7}}', 400, "body.backend"),
}

TRIED = [
    *(
        Tried("Questions", f"GET `{path[:60]}`", "HTTP", f"{status} `{sentence}`")
        for path, status, sentence in QUESTIONS
    ),
    *(Tried("JSON", name, "POST /jobs", f"{status} `{sentence}`") for name, (_, status, sentence) in BODIES.items()),
]


@pytest.mark.parametrize(("path", "status", "sentence"), QUESTIONS, ids=lambda value: str(value)[:40])
def test_a_bad_question_gets_a_sentence(deployment: Deployment, path: str, status: int, sentence: str) -> None:
    answer = httpx.get(f"{deployment.http_url}{path}", headers=deployment.headers, timeout=10)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert sentence in answer.json()["msg"]


@pytest.mark.parametrize(("body", "status", "sentence"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_job_gets_a_sentence_and_leaves_nothing(
    deployment: Deployment, body: str, status: int, sentence: str
) -> None:
    with unharmed(deployment):
        answer = httpx.post(
            f"{deployment.http_url}/api/v1/jobs", content=body, headers={**JSON, **deployment.headers}, timeout=60
        )

    assert answer.status_code == status
    assert sentence in answer.json()["msg"]
    assert len(answer.content) < 10_000
