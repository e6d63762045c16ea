"""SQL, line breaks, colours and markup in every text that a job carries: kept as they came, obeyed by nobody."""

import json

import grpc
import httpx
import pytest

from qserver.rpc.v1 import jobs_pb2, jobs_pb2_grpc
from tests.acceptance.bad_input.condition import assert_they_answer, condition
from tests.acceptance.bad_input.trials import BELL
from tests.acceptance.deployment import Deployment
from tests.acceptance.doors import DOORS, Attempt
from tests.tried import Tried

TEXTS = {
    "SQL": "'; DROP TABLE jobs; DELETE FROM circuits; --",
    "SQL that is true": "' OR '1'='1",
    "a pattern of LIKE": "%_\\%",
    "a log line": 'x"}\n{"level": "critical", "event": "all is lost"}\r\n',
    "colours of a terminal": "\x1b[2J\x1b[31mred",
    "markup": "<script>alert(1)</script>{{7*7}}${jndi:ldap://evil.example/a}",
    "formats": "%s%n{0.__class__}",
    "a path": "../../../../etc/passwd",
    "odd Unicode": "\u202egnp.exe\u2028\ufeff😀\x01",
}
TRIED = [Tried("Injection", f"{name} in metadata", "all", "stored and given back as it came") for name in TEXTS] + [
    Tried("Injection", f"{name} as request_id", "SubmitJob", "the same, or refused where a terminal would obey it")
    for name in TEXTS
]
COMMENT = b"\n// '; DROP TABLE jobs; -- <script>\n"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", TEXTS)
def test_text_in_metadata_comes_back_as_it_was(deployment: Deployment, name: str, door: str) -> None:
    before = condition(deployment)
    metadata = {TEXTS[name]: [TEXTS[name]]}

    answer = DOORS[door](deployment, Attempt(BELL + COMMENT, metadata=metadata))

    assert answer.job_id is not None, answer
    assert metadata.items() <= _metadata(deployment, answer.job_id).items()
    assert condition(deployment).rows["jobs"] == before.rows["jobs"] + 1
    assert_they_answer(deployment)
    _assert_no_line_is_forged(deployment)


@pytest.mark.parametrize("name", TEXTS)
def test_a_request_id_is_a_name_and_nothing_else(deployment: Deployment, name: str) -> None:
    spec = jobs_pb2.JobSpec(backend="aer", result_types=[jobs_pb2.RESULT_TYPE_COUNTS], request_id=TEXTS[name])
    batch = jobs_pb2.SubmitJobsRequest(submissions=[jobs_pb2.JobSubmission(spec=spec, source=BELL)])
    with grpc.insecure_channel(deployment.grpc_address) as channel:
        stub = jobs_pb2_grpc.JobServiceStub(channel)
        first, again = (stub.SubmitJobs(batch, timeout=60).answers[0] for _ in range(2))

    if TEXTS[name].isprintable():
        assert first.job.id == again.job.id != ""
    else:
        assert "request_id must be printable characters" in first.error.message
    _assert_no_line_is_forged(deployment)


def _metadata(deployment: Deployment, job_id: str) -> dict[str, object]:
    answer = httpx.get(f"{deployment.http_url}/api/v1/job/{job_id}", headers=deployment.headers, timeout=30)
    metadata: dict[str, object] = answer.json()["metadata"]
    return metadata


def _assert_no_line_is_forged(deployment: Deployment) -> None:
    """Every line that looks like an event is one: JSON with a service's name, and no control character in it."""
    for name in deployment.pids:
        for line in deployment.log(name).splitlines():
            assert "\x1b" not in line
            if line.startswith("{"):
                assert json.loads(line)["service"] == name.partition("-")[0], line
