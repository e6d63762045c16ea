"""Keys and users over HTTP: made, limited, revoked, and written into the audit trail."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.unit.rest_api.town import SUBMISSION, Town


async def test_a_key_is_made_used_and_revoked_at_once(town: Town) -> None:
    made = await town.call("POST", "/api/v1/keys", "ada", json={"name": "laptop", "scopes": ["read"]})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    key, about = made.json()["key"], made.json()["about"]
    assert re.fullmatch(r"qserver_[A-Za-z0-9_-]{43}", key)
    assert (about["user"], about["scopes"], about["last_used_at"]) == ("ada", ["read"], None)

    me = (await town.call("GET", "/api/v1/me", key)).json()
    assert (me["name"], me["permissions"]) == ("ada", ["read"])
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


async def test_with_a_key_goes_all_that_was_made_with_it(town: Town) -> None:
    stolen = (await town.call("POST", "/api/v1/keys", "root", json={"name": "stolen"})).json()
    by_thief = (await town.call("POST", "/api/v1/keys", stolen["key"], json={"name": "b", "user": "ada"})).json()
    assert by_thief["about"]["made_by"] == stolen["about"]["id"]
    assert (await town.call("GET", "/api/v1/me", by_thief["key"])).status_code == 200

    answer = await town.call("DELETE", f"/api/v1/key/{stolen['about']['id']}", "root")

    assert answer.json() == {"msg": "Success", "revoked": [stolen["about"]["id"], by_thief["about"]["id"]]}
    assert (await town.call("GET", "/api/v1/me", by_thief["key"])).status_code == 401
    newest = (await town.call("GET", "/api/v1/audit", "root")).json()[0]
    assert (newest["action"], newest["subject"]) == ("key.revoked", by_thief["about"]["id"])
    assert (newest["detail"]["user"], newest["detail"]["along_with"]) == ("ada", stolen["about"]["id"])


async def test_what_was_made_may_be_kept(town: Town) -> None:
    first = (await town.call("POST", "/api/v1/keys", "ada", json={"name": "first-one"})).json()
    second = (await town.call("POST", "/api/v1/keys", first["key"], json={"name": "second"})).json()

    answer = await town.call("DELETE", f"/api/v1/key/{first['about']['id']}?made=keep", "ada")

    assert answer.json()["revoked"] == [first["about"]["id"]]
    assert (await town.call("GET", "/api/v1/me", second["key"])).status_code == 200
    assert (await town.call("DELETE", f"/api/v1/key/{first['about']['id']}?made=lose", "ada")).status_code == 400


async def test_a_narrow_key_revokes_no_wider_one_but_always_itself(town: Town) -> None:
    wide = (await town.call("GET", "/api/v1/keys", "ada")).json()[0]["id"]
    for scopes in (["submit"], ["read"], ["none"]):
        made = (await town.call("POST", "/api/v1/keys", "ada", json={"name": "narrow", "scopes": scopes})).json()

        beyond = await town.call("DELETE", f"/api/v1/key/{wide}", made["key"])
        itself = await town.call("DELETE", f"/api/v1/key/{made['about']['id']}", made["key"])

        assert (beyond.status_code, itself.status_code) == (403, 200)
        assert "key first was made for administer, read, submit" in beyond.json()["detail"]
    left = (await town.call("GET", "/api/v1/keys", "ada")).json()
    assert [key["name"] for key in left] == ["first"]


async def test_a_viewer_revokes_their_own_key(town: Town) -> None:
    (key,) = (await town.call("GET", "/api/v1/keys", "vic")).json()

    assert (await town.call("DELETE", f"/api/v1/key/{key['id']}", "vic")).status_code == 200
    assert (await town.call("GET", "/api/v1/me", "vic")).status_code == 401


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


async def test_who_comes_without_a_key_gets_none(town: Town) -> None:
    by_guest = await town.call("POST", "/api/v1/keys", json={"name": "for-ever"}, client=("198.51.100.7", 4711))
    by_root = await town.call("POST", "/api/v1/keys", "root", json={"name": "for-all", "user": "anonymous"})

    assert (by_guest.status_code, by_root.status_code) == (403, 403)
    assert "stands for requests without a key" in by_guest.json()["detail"]
    assert (await town.call("GET", "/api/v1/keys?user=anonymous", "root")).json() == []
