"""A site with keys on, and people who have some."""

from dataclasses import dataclass

import httpx

from tests.unit.rest_api.site import BELL, Site

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
