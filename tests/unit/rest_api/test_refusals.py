"""What wrong requests get: always the same document, naming the thing and the limit."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
from structlog.testing import capture_logs

from qserver import errors
from qserver.errors import InvalidCircuit, QServerError, Unavailable
from rest_api.errors import STATUSES, status_of
from tests.unit.rest_api.site import Site

JSON = {"content-type": "application/json"}
GOOD = '"backend": "aer", "circuit": "OPENQASM 2.0;", "result_types": ["counts"]'
DEEP = '{"a":' * 31 + "1" + "}" * 31


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/api/v1/job/no-uuid", "path.id: Input should be a valid UUID"),
        ("/api/v1/job/result/1", "path.id"),
        ("/api/v1/job/1/events", "path.id"),
        ("/api/v1/jobs?cursor=-1", "query.cursor: Input should be greater than or equal to 0"),
        ("/api/v1/jobs?cursor=x", "query.cursor"),
        ("/api/v1/jobs?cursor=", "query.cursor"),
        ("/api/v1/jobs?cursor=1e3", "query.cursor"),
        ("/api/v1/jobs?cursor=1_0", "query.cursor: Input should be a whole number, written in digits alone"),
        ("/api/v1/jobs?cursor=%2B1", "query.cursor"),
        ("/api/v1/jobs?cursor=%201", "query.cursor"),
        ("/api/v1/jobs?cursor=%D9%A1", "query.cursor"),
        ("/api/v1/results?limit=1_0", "query.limit"),
        ("/api/v1/audit?before=1_0", "query.before"),
        (f"/api/v1/jobs?cursor={2**63}", "query.cursor"),
        ("/api/v1/history?cursor=-1", "query.cursor"),
        ("/api/v1/backends?cursor=-1", "query.cursor"),
        ("/api/v1/backend/a%00b", "path.name"),
        (f"/api/v1/backend/{'a' * 201}", "path.name"),
    ],
)
async def test_a_wrong_question_is_400_and_names_the_field(site: Site, path: str, named: str) -> None:
    answer = await site.client.get(path)

    body = answer.json()
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in body["msg"]
    assert body["detail"] == body["msg"]
    assert body["reason"] == "INVALID_REQUEST"
    assert [error["field"] for error in body["errors"]] == [named.partition(":")[0]]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("", "body"),
        ("{", "JSON"),
        ("[]", "body"),
        ('"text"', "body"),
        ("{}", "body.backend"),
        ("\xff", "JSON"),
        ("[" * 5000, "JSON"),
        ('{"shots": NaN}', "JSON"),
        ('{"shots": 1e999}', "JSON"),
        (f'{{{GOOD}, "shots": 0}}', "body.shots"),
        (f'{{{GOOD}, "shots": "10"}}', "body.shots"),
        (f'{{{GOOD}, "shots": true}}', "body.shots"),
        (f'{{{GOOD}, "shots": 1.5}}', "body.shots"),
        (f'{{{GOOD}, "shots": {10**30}}}', "body.shots"),
        (f'{{{GOOD}, "seed": -1}}', "body.seed"),
        (f'{{{GOOD}, "precision": 0}}', "body.precision"),
        (f'{{{GOOD}, "priority": 101}}', "body.priority"),
        (f'{{{GOOD}, "time_limit_seconds": -1}}', "body.time_limit_seconds"),
        (f'{{{GOOD}, "expires_at": "tomorrow"}}', "body.expires_at"),
        (f'{{{GOOD}, "expires_at": 1893456000}}', "body.expires_at"),
        (f'{{{GOOD}, "expires_at": "2030-01-01T00:00:00"}}', "body.expires_at"),
        (f'{{{GOOD}, "expires_at": "9999-12-31T23:59:59-23:59"}}', "body.expires_at"),
        (f'{{{GOOD}, "expires_at": "0001-01-01T00:00:00+23:59"}}', "body.expires_at"),
        (f'{{{GOOD}, "observables": [[]]}}', "body.observables.0"),
        (f'{{{GOOD}, "observables": [[["Q", 1]]]}}', "body.observables.0.0.0"),
        (f'{{{GOOD}, "observables": [[["Z"]]]}}', "body.observables.0.0"),
        (f'{{{GOOD}, "request_id": ""}}', "body.request_id"),
        (f'{{{GOOD}, "request_id": "{"a" * 129}"}}', "body.request_id"),
        (f'{{{GOOD}, "options": []}}', "body.options"),
        (f'{{{GOOD}, "options": {{"seed": {2**53 + 1}}}}}', "body.options"),
        (f'{{{GOOD}, "metadata": {DEEP}}}', "body.metadata"),
        (f'{{{GOOD}, "shotz": 1}}', "body.shotz"),
        ('{"backend": "aer", "circuit": "x", "result_types": []}', "body.result_types"),
        ('{"backend": "aer", "circuit": "x", "result_types": ["counts", "colour"]}', "body.result_types.1"),
        ('{"backend": "", "circuit": "x", "result_types": ["counts"]}', "body.backend"),
        ('{"backend": "aer", "circuit": "", "result_types": ["counts"]}', "body.circuit"),
        ('{"backend": "aer", "result_types": ["counts"]}', "circuit_base64"),
        (f'{{{GOOD}, "circuit_base64": "QUJD"}}', "exactly one of circuit and circuit_base64"),
        ('{"backend": "aer", "circuit_base64": "a b!", "result_types": ["counts"]}', "body.circuit_base64"),
    ],
)
async def test_a_wrong_submission_is_400_names_the_field_and_goes_nowhere(site: Site, body: str, named: str) -> None:
    answer = await site.client.post("/api/v1/jobs", content=body.encode("latin-1"), headers=JSON)

    assert answer.status_code == 400
    assert named in answer.json()["msg"]
    assert site.jobs_server.received == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/api"), ("POST", "/api/v2/jobs"), ("GET", "/static/x")]
)
async def test_an_unknown_path_is_404(site: Site, method: str, path: str) -> None:
    answer = await site.client.request(method, path)

    assert answer.status_code == 404
    assert path in answer.json()["msg"]


async def test_a_wrong_method_is_405_and_names_all_the_right_ones(site: Site) -> None:
    answer = await site.client.put("/api/v1/jobs/")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.json()["status"] == 405


async def test_options_names_the_methods_and_grants_no_page_anything(site: Site) -> None:
    headers = {"origin": "https://evil.example", "access-control-request-method": "DELETE"}

    answer = await site.client.options("/api/v1/plugin/aer-plugin", headers=headers)

    assert answer.status_code == 204
    assert answer.headers["allow"] == "DELETE, OPTIONS, POST"
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_head_answers_like_get_without_a_body(site: Site) -> None:
    get, head = await site.client.get("/api/v1/jobs"), await site.client.head("/api/v1/jobs")

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_a_body_that_says_it_is_too_large_is_413(site: Site) -> None:
    answer = await site.client.post("/api/v1/jobs", content=b" " * 20_001, headers=JSON)

    assert answer.status_code == 413
    assert answer.json()["msg"] == "the body is larger than 20,000 bytes (QSERVER_MAX_CALL_BYTES)"
    assert answer.json()["reason"] == "TOO_LARGE"


async def test_a_body_that_grows_too_large_is_413(site: Site) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * 10_000

    answer = await site.client.post("/api/v1/jobs", content=pieces(), headers=JSON)

    assert answer.status_code == 413


async def test_bodies_that_are_too_much_together_are_refused_for_now(site: Site) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b" " * 19_000
        await asyncio.Event().wait()

    bodies = (site.client.post("/api/v1/jobs", content=pieces(), headers=JSON) for _ in range(9))
    answers = sorted(await asyncio.gather(*bodies), key=lambda answer: answer.status_code)

    assert [answer.status_code for answer in answers] == [408] * 8 + [503]
    assert "bodies under way fill the 160,000 bytes" in answers[-1].json()["msg"]
    assert (await site.client.post("/api/v1/jobs", content=b" " * 19_000, headers=JSON)).status_code == 400


async def test_a_body_that_stops_half_way_is_408(site: Site) -> None:
    never = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    answer = await site.client.post("/api/v1/jobs", content=pieces(), headers=JSON)

    assert answer.status_code == 408
    assert "QSERVER_MAX_UPLOAD_IDLE_SECONDS" in answer.json()["msg"]


async def test_a_body_that_never_ends_is_408(site: Site) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    answer = await site.client.post("/api/v1/jobs", content=pieces(), headers=JSON)

    assert answer.status_code == 408
    assert "did not end within 0.5 seconds (QSERVER_MAX_UPLOAD_SECONDS)" in answer.json()["msg"]


async def test_a_circuit_error_tells_line_and_column(site: Site) -> None:
    site.jobs_server.failure = InvalidCircuit("unknown gate hh", line=3, column=7)

    answer = await site.client.post("/api/v1/jobs", content=f"{{{GOOD}}}", headers=JSON)

    body = answer.json()
    assert answer.status_code == 400
    assert (body["reason"], body["line"], body["column"]) == ("INVALID_CIRCUIT", 3, 7)


async def test_a_missing_neighbour_is_503_and_says_when_to_come_back(site: Site) -> None:
    site.jobs_server.failure = Unavailable("jobs_server doesn't answer")

    answer = await site.client.post("/api/v1/jobs", content=f"{{{GOOD}}}", headers=JSON)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["msg"] == "jobs_server doesn't answer"


async def test_a_fault_of_ours_is_500_without_details(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode() -> None:
        raise ZeroDivisionError("the secret is 42")

    monkeypatch.setattr(site.database, "reading", explode)

    with capture_logs() as logs:
        answer = await site.client.get("/api/v1/jobs")

    assert answer.status_code == 500
    assert [(entry["event"], entry["route"]) for entry in logs] == [("request_failed", "/api/v1/jobs")]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "42" not in answer.text
    assert answer.json()["reason"] == "INTERNAL"


async def test_an_error_that_no_caller_should_see_is_500_without_details(site: Site) -> None:
    site.jobs_server.failure = QServerError("the database refused a wrong row")

    with capture_logs() as logs:
        answer = await site.client.post("/api/v1/jobs", content=f"{{{GOOD}}}", headers=JSON)

    assert answer.status_code == 500
    assert "wrong row" not in answer.text
    assert [entry["event"] for entry in logs] == ["request_failed"]


async def test_every_answer_keeps_browsers_careful(site: Site) -> None:
    for path in ("/docs", "/api/v1/jobs", "/nothing", "/static/docs.js"):
        answer = await site.client.get(path)

        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-eval" not in answer.headers["content-security-policy"]


async def test_a_foreign_host_is_refused_on_every_path(site: Site) -> None:
    for path in ("/docs", "/api/v1/jobs", "/metrics", "/nothing"):
        answer = await site.client.get(path, headers={"host": "evil.example"})

        assert answer.status_code == 421
        assert answer.headers["content-type"] == "application/problem+json"


def _classes(root: type[QServerError]) -> list[type[QServerError]]:
    return [root, *(found for child in root.__subclasses__() for found in _classes(child))]


_OF_EVERY_EDGE = [kind for kind in _classes(errors.QServerError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", _OF_EVERY_EDGE)
def test_every_error_has_a_status(kind: type[QServerError]) -> None:
    status = status_of(kind.__new__(kind))  # whatever else it is made with: the class decides

    assert isinstance(status, HTTPStatus)
    assert status >= 400
    assert set(STATUSES) <= set(_classes(errors.QServerError))
