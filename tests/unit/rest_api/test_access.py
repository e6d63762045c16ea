"""Who may do what over HTTP: every route by its rule, and nobody by another's key."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from database.people_records import NewKey
from qserver.access.keys import hash_key, make_key
from qserver.identity import EVERYTHING, HTTP_RULES, Identity, Permission, Role
from qserver.jobs import JobRequest, RunRequest
from qserver.results import ResultType
from qserver.settings import AccessSettings, Settings
from tests.unit.rest_api.site import BELL, Site, authenticator_of, build_site, store

GUARDED = sorted(rule for rule, permission in HTTP_RULES.items() if permission is not Permission.NONE)
OPEN = sorted(set(HTTP_RULES) - set(GUARDED))
FROM_HERE = ("127.0.0.1", 4711)
FROM_OUTSIDE = ("192.0.2.7", 4711)
SUBMISSION: dict[str, object] = {"backend": "aer", "circuit": BELL, "result_types": ["counts"]}


@dataclass
class Town:
    """A site that asks for keys, and people with keys."""

    site: Site
    keys: dict[str, str]

    async def call(
        self, method: str, path: str, who: str | None = None, *, client: tuple[str, int] = FROM_HERE, **options: object
    ) -> httpx.Response:
        """Send a request with somebody's key, or with `who` itself where nobody has that name."""
        headers = {} if who is None else {"Authorization": f"Bearer {self.keys.get(who, who)}"}
        transport = httpx.ASGITransport(self.site.app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as http:
            return await http.request(method, path, headers=headers, **options)  # type: ignore[arg-type]

    async def submit(self, who: str) -> str:
        """Submit a job in somebody's name."""
        answer = await self.call("POST", "/api/v1/jobs", who, json=SUBMISSION)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    access = AccessSettings.model_validate(
        {"auth": "required", "anonymous_from": "198.51.100.0/24", "key_failures_per_minute": 2, "max_keys_per_user": 3}
    )
    site = build_site(settings.model_copy(update={"access": access}))
    keys: dict[str, str] = {}
    with site.database.transaction() as transaction:
        for name, role in {"root": Role.ADMIN, "ada": Role.USER, "eve": Role.USER, "vic": Role.VIEWER}.items():
            keys[name] = make_key()
            user = transaction.users.add(name, role)
            transaction.keys.add(NewKey(hash_key(keys[name]), user.id, "first", EVERYTHING))
    yield Town(site, keys)
    await site.client.aclose()
    site.database.close()


def filled(rule: str) -> tuple[str, str]:
    """Give the method of a rule, and its path with an id and a name in it."""
    method, path = rule.split(" ")
    return method, path.replace("{id}", str(UUID(int=7, version=4))).replace("{name}", "x").replace("{path:path}", "y")


def job_of(town: Town, name: str) -> str:
    """Store a job of somebody's."""
    with town.site.database.reading() as transaction:
        user = transaction.users.get(name)
    request = JobRequest(RunRequest(backend="aer", result_types=frozenset({ResultType.COUNTS})))
    identity = Identity(user.id, user.name, user.role)
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


async def test_a_key_is_made_used_and_revoked_at_once(town: Town) -> None:
    made = await town.call("POST", "/api/v1/keys", "ada", json={"name": "laptop", "scopes": ["read"]})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    key, about = made.json()["key"], made.json()["about"]
    assert re.fullmatch(r"qserver_[A-Za-z0-9_-]{43}", key)
    assert (about["user"], about["scopes"], about["last_used_at"]) == ("ada", ["read"], None)

    me = (await town.call("GET", "/api/v1/me", key)).json()
    assert (me["name"], me["permissions"]) == ("ada", ["none", "read"])
    assert (await town.call("POST", "/api/v1/jobs", key, json=SUBMISSION)).status_code == 403
    assert "not made for 'submit'" in (await town.call("POST", "/api/v1/keys", key, json={"name": "x"})).text

    listed = (await town.call("GET", "/api/v1/keys", "ada")).json()
    assert [entry["name"] for entry in listed] == ["first", "laptop"]
    assert key not in str(listed)

    town.site.services.authenticator.forget()  # what RestApi does when it hears of the change
    assert (await town.call("DELETE", f"/api/v1/key/{about['id']}", "ada")).status_code == 200
    town.site.services.authenticator.forget()
    assert (await town.call("GET", "/api/v1/me", key)).status_code == 401


async def test_no_key_can_do_more_than_the_one_it_was_made_with(town: Town) -> None:
    narrow = await town.call("POST", "/api/v1/keys", "root", json={"name": "n", "scopes": ["read", "submit"]})
    key = narrow.json()["key"]

    wider = await town.call("POST", "/api/v1/keys", key, json={"name": "w", "scopes": ["administer"]})
    same = await town.call("POST", "/api/v1/keys", key, json={"name": "s"})
    anothers = await town.call("POST", "/api/v1/keys", key, json={"name": "o", "user": "ada"})

    assert wider.status_code == 403
    assert same.json()["about"]["scopes"] == ["read", "submit"]
    assert anothers.status_code == 403
    assert (await town.call("GET", "/api/v1/users", key)).status_code == 403


async def test_more_keys_than_allowed_are_refused_whoever_makes_them(town: Town) -> None:
    answers = [await town.call("POST", "/api/v1/keys", "ada", json={"name": f"k{number}"}) for number in range(3)]
    by_root = await town.call("POST", "/api/v1/keys", "root", json={"name": "another", "user": "ada"})

    assert [answer.status_code for answer in (*answers, by_root)] == [201, 201, 429, 429]
    problem = answers[-1].json()
    assert problem["limit"] == {"name": "max_keys_per_user", "value": 3, "retry_after_seconds": 60}
    assert "revoke one" in problem["detail"]
    quotas = (await town.call("GET", "/api/v1/limits", "ada")).json()["quotas"]
    assert {"name": "max_keys_per_user", "limit": 3, "used": 3} in quotas


async def test_an_administrator_makes_and_revokes_anybodys_keys(town: Town) -> None:
    made = await town.call("POST", "/api/v1/keys", "root", json={"name": "laptop", "user": "ada"})

    assert (await town.call("GET", "/api/v1/me", made.json()["key"])).json()["name"] == "ada"
    assert len((await town.call("GET", "/api/v1/keys?user=ada", "root")).json()) == 2
    assert (await town.call("GET", "/api/v1/keys?user=ada", "eve")).json() == []
    unknown = await town.call("POST", "/api/v1/keys", "root", json={"name": "x", "user": "nobody"})
    assert unknown.status_code == 404
    key_id = made.json()["about"]["id"]
    assert (await town.call("DELETE", f"/api/v1/key/{key_id}", "eve")).status_code == 404
    assert (await town.call("DELETE", f"/api/v1/key/{key_id}", "root")).status_code == 200
    assert (await town.call("DELETE", f"/api/v1/key/{key_id}", "root")).status_code == 404


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": "x", "expires_at": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "../x"},
        {"name": "x", "key": "qserver_mine"},
        {},
    ],
)
async def test_a_key_that_would_be_none_is_refused(town: Town, wanted: dict[str, object]) -> None:
    assert (await town.call("POST", "/api/v1/keys", "ada", json=wanted)).status_code == 400


async def test_a_user_is_added_promoted_and_shut_out(town: Town) -> None:
    added = await town.call("POST", "/api/v1/users", "root", json={"name": "bob"})
    again = await town.call("POST", "/api/v1/users", "root", json={"name": "bob"})
    promoted = await town.call("PUT", "/api/v1/user/bob", "root", json={"role": "admin"})
    shut_out = await town.call("PUT", "/api/v1/user/bob", "root", json={"disabled": True})

    assert [added.status_code, again.status_code] == [201, 409]
    assert [answer.json()["role"] for answer in (added, promoted, shut_out)] == ["user", "admin", "admin"]
    assert shut_out.json()["disabled_at"] is not None
    users = (await town.call("GET", "/api/v1/users", "root")).json()
    assert [user["name"] for user in users] == ["ada", "anonymous", "bob", "eve", "root", "vic"]


async def test_the_last_administrator_can_not_shut_themselves_out(town: Town) -> None:
    answer = await town.call("PUT", "/api/v1/user/root", "root", json={"disabled": True})

    assert answer.status_code == 409
    assert (await town.call("GET", "/api/v1/users", "root")).status_code == 200


async def test_what_was_done_stands_in_the_audit_trail(town: Town) -> None:
    job_id = await town.submit("ada")
    await town.call("POST", "/api/v1/users", "root", json={"name": "bob", "role": "viewer"})
    await town.call("POST", "/api/v1/plugin/aer-plugin", "root")
    await town.call("DELETE", "/api/v1/plugin/aer-plugin", "root")
    await town.call("PUT", f"/api/v1/job/cancel/{job_id}", "root")
    await town.call("DELETE", f"/api/v1/job/{job_id}", "root")

    entries = (await town.call("GET", "/api/v1/audit", "root")).json()

    assert [(entry["action"], entry["subject"]) for entry in reversed(entries)] == [
        ("user.added", "bob"),
        ("plugin.added", "aer-plugin"),
        ("plugin.removed", "aer-plugin"),
        ("job.canceled", job_id),
        ("job.deleted", job_id),
    ]
    assert {(entry["actor"], entry["address"]) for entry in entries} == {("root", "127.0.0.1")}
    older = (await town.call("GET", f"/api/v1/audit?before={entries[2]['id']}", "root")).json()
    assert [entry["action"] for entry in older] == ["plugin.added", "user.added"]


async def test_the_document_tells_which_operations_need_a_key(town: Town) -> None:
    document = (await town.call("GET", "/openapi.json")).json()

    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["paths"]["/api/v1/health"]["get"]["security"] == []
    assert document["paths"]["/api/v1/jobs"]["post"]["security"] == [{"key": []}]
    assert "401" in document["paths"]["/api/v1/jobs"]["post"]["responses"]


async def test_a_key_stands_in_no_answer_and_no_error(town: Town) -> None:
    key = town.keys["ada"]

    answers = [
        await town.call("GET", f"/api/v1/job/{uuid4()}", "ada"),
        await town.call("GET", "/api/v1/users", "ada"),
        await town.call("GET", "/api/v1/me", f"{key}x"),
        await town.call("GET", "/api/v1/keys", "ada"),
    ]

    assert [answer.status_code for answer in answers] == [404, 403, 401, 200]
    assert not any(key in answer.text + str(answer.headers) for answer in answers)


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
