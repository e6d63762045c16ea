"""Tokens of an issuer over HTTP: each request by its own token's role."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from qserver.settings import AccessSettings, Settings
from tests.issuer import Issuer
from tests.unit.rest_api.site import Site, build_site

ADMIN, USER, VIEWER = ["qserver-admin"], ["qserver-user"], ["qserver-viewer"]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.close()


@pytest.fixture
async def site(settings: Settings, issuer: Issuer) -> AsyncIterator[Site]:
    """A site that takes the issuer's tokens, and looks at each of them with every request."""
    access = AccessSettings.model_validate(
        {"auth": "required", "oidc_issuer": issuer.url, "oidc_audience": "qserver", "key_cache_seconds": 0}
    )
    built = build_site(settings.model_copy(update={"access": access}))
    yield built
    await built.client.aclose()
    built.database.close()


async def call(site: Site, method: str, path: str, credential: str, **options: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {credential}"}
    return await site.client.request(method, f"/api/v1{path}", headers=headers, **options)  # type: ignore[arg-type]


async def test_each_request_is_judged_by_its_own_token(site: Site, issuer: Issuer) -> None:
    admin, user = issuer.token(roles=ADMIN), issuer.token(roles=USER)

    seen = [
        ((await call(site, "GET", "/users", token)).status_code, (await call(site, "GET", "/me", token)).json()["role"])
        for token in (user, admin, user, admin)
    ]

    assert seen == [(403, "user"), (200, "admin"), (403, "user"), (200, "admin")]


async def test_a_key_stays_within_the_role_of_the_token_that_made_it(site: Site, issuer: Issuer) -> None:
    made = (await call(site, "POST", "/keys", issuer.token(roles=USER), json={"name": "laptop"})).json()
    assert made["about"]["scopes"] == ["read", "submit"]

    await call(site, "GET", "/me", issuer.token(roles=ADMIN))

    assert (await call(site, "GET", "/users", made["key"])).status_code == 403
    again = await call(site, "POST", "/keys", made["key"], json={"name": "wider", "scopes": ["administer"]})
    assert again.status_code == 403


async def test_an_administrators_key_for_somebody_stays_within_their_role(site: Site, issuer: Issuer) -> None:
    await call(site, "GET", "/me", issuer.token(roles=VIEWER))
    root = issuer.token(roles=ADMIN, sub="1", preferred_username="root")

    made = await call(site, "POST", "/keys", root, json={"name": "laptop", "user": "ada"})
    wider = await call(site, "POST", "/keys", root, json={"name": "wider", "user": "ada", "scopes": ["submit"]})

    assert made.json()["about"]["scopes"] == ["read"]
    assert wider.status_code == 403
    assert "ada has the role viewer, which grants no submit" in wider.json()["detail"]
