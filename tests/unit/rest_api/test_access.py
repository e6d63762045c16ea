"""Who may do what over HTTP: every route by its rule, and nobody by another's key."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from qserver.access.keys import make_key
from qserver.identity import HTTP_RULES, Identity, Permission, Role
from qserver.jobs import JobRequest, RunRequest
from qserver.results import ResultType
from qserver.settings import Settings
from tests.unit.rest_api.site import BELL, authenticator_of, store
from tests.unit.rest_api.town import FROM_OUTSIDE, SUBMISSION, Town

GUARDED = sorted(rule for rule, permission in HTTP_RULES.items() if permission is not Permission.NONE)
OPEN = sorted(set(HTTP_RULES) - set(GUARDED))


def filled(rule: str) -> tuple[str, str]:
    """Give the method of a rule, and its path with an id and a name in it."""
    method, path = rule.split(" ")
    return method, path.replace("{id}", str(UUID(int=7, version=4))).replace("{name}", "x").replace("{path:path}", "y")


def job_of(town: Town, name: str) -> str:
    """Store a job of somebody's."""
    with town.site.database.reading() as transaction:
        user = transaction.users.get(name)
    request = JobRequest(RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS})))
    identity = Identity(user.id, user.name, user.role, address="192.0.2.9")
    return str(store(town.site.database, request, BELL.encode(), identity=identity).id)


@pytest.mark.parametrize("rule", GUARDED)
async def test_without_a_key_no_guarded_route_answers(town: Town, rule: str) -> None:
    method, path = filled(rule)

    answer = await town.call(method, path, json={} if method in {"POST", "PUT"} else None)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["reason"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("rule", OPEN)
async def test_what_everybody_may_have_needs_no_key(town: Town, rule: str) -> None:
    method, path = filled(rule)

    assert (await town.call(method, path)).status_code not in {401, 403}


@pytest.mark.parametrize("rule", GUARDED)
@pytest.mark.parametrize("who", ["vic", "ada", "root"])
async def test_a_role_goes_as_far_as_the_table_says(town: Town, rule: str, who: str) -> None:
    method, path = filled(rule)
    role = {"vic": Role.VIEWER, "ada": Role.USER, "root": Role.ADMIN}[who]
    refused = {
        Role.VIEWER: {Permission.SUBMIT, Permission.ADMINISTER},
        Role.USER: {Permission.ADMINISTER},
        Role.ADMIN: set(),
    }[role]
    bodies: dict[str, dict[str, object]] = {
        "POST /api/v1/users": {"name": "new"},
        "POST /api/v1/keys": {"name": "new"},
        "POST /api/v1/jobs": SUBMISSION,
    }
    body = bodies.get(rule, {})

    answer = await town.call(method, path, who, json=body if method in {"POST", "PUT"} else None)

    assert (answer.status_code == 403) == (HTTP_RULES[rule] in refused), answer.text


async def test_anothers_job_does_not_exist(town: Town) -> None:
    job_id = job_of(town, "ada")

    for method, path in [
        ("GET", f"/api/v1/job/{job_id}"),
        ("GET", f"/api/v1/job/{job_id}/circuit"),
        ("GET", f"/api/v1/job/{job_id}/noise-model"),
        ("GET", f"/api/v1/job/{job_id}/events"),
        ("GET", f"/api/v1/job/{job_id}/results"),
        ("PUT", f"/api/v1/job/cancel/{job_id}"),
        ("DELETE", f"/api/v1/job/{job_id}"),
    ]:
        assert (await town.call(method, path, "eve")).status_code == 404, path
    assert (await town.call("GET", "/api/v1/jobs", "eve")).json() == []
    assert [job["id"] for job in (await town.call("GET", "/api/v1/jobs", "ada")).json()] == [job_id]
    assert (await town.call("GET", f"/api/v1/job/{job_id}", "root")).status_code == 200
    assert (await town.call("PUT", f"/api/v1/job/cancel/{job_id}", "ada")).status_code == 200


async def test_an_administrator_sees_whose_each_job_is_and_lists_one_users(town: Town) -> None:
    of_ada, of_eve = job_of(town, "ada"), job_of(town, "eve")
    assert (await town.call("PUT", f"/api/v1/job/cancel/{of_ada}", "root")).status_code == 200

    for path, name in (("/jobs", "id"), ("/history", "job_id")):
        everybodys = (await town.call("GET", f"/api/v1{path}", "root")).json()
        of_one = (await town.call("GET", f"/api/v1{path}?user=ada", "root")).json()
        assert (of_ada, "ada") in [(each[name], each["owner"]) for each in everybodys]
        assert [(each[name], each["owner"]) for each in of_one] == [(of_ada, "ada")]
        assert (await town.call("GET", f"/api/v1{path}?user=ada", "eve")).json() == []
        assert (await town.call("GET", f"/api/v1{path}?user=%00", "root")).status_code == 400
    assert (await town.call("GET", f"/api/v1/job/{of_eve}", "eve")).json()["owner"] == "eve"
    events = (await town.call("GET", f"/api/v1/job/{of_ada}/events", "ada")).text
    assert re.findall(r'"status":"(\w+)".*"actor":"(\w+)"', events) == [("pending", "ada"), ("canceled", "root")]
    assert re.findall(r'"address":(.+?)}', events) == ["null", "null"]
    to_root = (await town.call("GET", f"/api/v1/job/{of_ada}/events", "root")).text
    assert re.findall(r'"address":(.+?)}', to_root) == ['"192.0.2.9"', "null"]


async def test_a_submission_goes_on_with_its_key_and_address(town: Town) -> None:
    await town.submit("ada")

    (visitor,) = town.site.jobs_server.visitors
    assert (visitor.credential, visitor.address, visitor.is_encrypted) == (town.keys["ada"], "127.0.0.1", False)


async def test_a_key_in_cleartext_from_elsewhere_is_refused(town: Town) -> None:
    answer = await town.call("GET", "/api/v1/me", "ada", client=FROM_OUTSIDE)

    assert answer.status_code == 403
    assert "QSERVER_CLEARTEXT_KEYS" in answer.json()["detail"]


async def test_a_network_that_is_named_needs_no_key_and_is_no_administrator(town: Town) -> None:
    guest = ("198.51.100.3", 1)

    me = (await town.call("GET", "/api/v1/me", client=guest)).json()
    refused = await town.call("GET", "/api/v1/users", client=guest)

    assert (me["name"], me["role"]) == ("anonymous", "user")
    assert refused.status_code == 403


async def test_an_address_that_guesses_is_told_to_wait(town: Town) -> None:
    answers = [await town.call("GET", "/api/v1/me", make_key()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert "try again in 30 s" in answers[-1].json()["detail"]
    assert int(answers[-1].headers["Retry-After"]) > 0


async def test_the_document_tells_which_operations_need_a_key(town: Town) -> None:
    document = (await town.call("GET", "/openapi.json")).json()

    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["paths"]["/api/v1/health"]["get"]["security"] == []
    assert document["paths"]["/api/v1/jobs"]["post"]["security"] == [{"key": []}]
    assert "401" in document["paths"]["/api/v1/jobs"]["post"]["responses"]


def test_the_same_settings_make_the_same_door(settings: Settings, town: Town) -> None:
    assert not authenticator_of(town.site.database, settings).is_required
    assert town.site.services.authenticator.is_required


async def test_limits_tell_what_the_caller_uses(town: Town) -> None:
    job_of(town, "ada")
    job_of(town, "eve")

    quotas = {
        who: {each["name"]: each for each in (await town.call("GET", "/api/v1/limits", who)).json()["quotas"]}
        for who in ("ada", "root")
    }

    name = "max_pending_jobs_per_user"
    assert quotas["ada"][name] == {"name": name, "limit": 1_000_000, "used": 1}
    assert quotas["root"][name] == {"name": name, "limit": None, "used": None}


async def test_no_body_of_a_stranger_is_read(town: Town) -> None:
    read: list[bytes] = []

    async def pieces() -> AsyncIterator[bytes]:
        read.append(b"{")
        yield b"{"

    headers = {"content-type": "application/json"}
    answer = await town.site.client.post("/api/v1/jobs", content=pieces(), headers=headers)

    assert answer.status_code == 401
    assert not read
