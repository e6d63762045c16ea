"""How many pages of results a second come over HTTP, against a route that does nothing else."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlsplit

from bench.circuits import small_circuits
from bench.figures import QSERVER, Comparison, Figure, Found, NotRunError
from bench.house import House
from bench.measures.measure import Round
from bench.measures.throughput import SHOTS
from bench.meter import Measured, Part, measure
from bench.tasks import Task

_BARE = "bare route"
_JOBS = 500
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Route:
    """Who serves a page, and where."""

    port: int
    path: str
    parts: Sequence[Part]


class ResultPage:
    """The same page of finished jobs, the first of them, asked for again and again by one client on one connection."""

    name = "result_page"
    warms_itself = False
    pages = 200

    def figures(self, scale: float) -> Sequence[Figure]:  # noqa: ARG002 - a page has one size
        """Give pages a second."""
        what = f"pages of the results of {_JOBS} jobs over HTTP, against FastAPI, psycopg and orjson alone"
        return [Figure(what, "pages/s", [Comparison(QSERVER, _BARE, at_least=0.7)])]

    def run(self, house: House, turn: Round) -> Found:
        """Have both serve the page. Raises NotRunError where QServer has no such page."""
        tasks = [Task(source, SHOTS) for source in small_circuits(_JOBS, seed=turn.seed(self.name))]
        house.qserver.client.run(tasks)
        pages = turn.size(self.pages)
        routes = self._routes(house)
        order = list(routes) if turn.number % 2 else list(routes)[::-1]
        served = {party: _serve(routes[party], pages) for party in order}
        _check(served)
        rates = {party: pages / served[party].seconds for party in routes}
        cpu = {party: served[party].cpu_milliseconds_a_job(pages * _JOBS) for party in routes}
        return Found({self.figures(turn.scale)[0].what: rates}, cpu)

    @staticmethod
    def _routes(house: House) -> Mapping[str, Route]:
        own_port = urlsplit(house.qserver.http_url).port or 80
        bare_parts = [*house.servers.parts, *house.result_route.parts]
        return {
            QSERVER: Route(own_port, f"/api/v1/results?status=finished&limit={_JOBS}", house.qserver.parts),
            _BARE: Route(house.result_route.port, f"/results?limit={_JOBS}", bare_parts),
        }


def _serve(route: Route, pages: int) -> Measured[bytes]:
    return measure(route.parts, lambda: _ask(route, pages))


def _ask(route: Route, pages: int) -> bytes:
    """Read the page so many times; gives what came last."""
    with closing(HTTPConnection("127.0.0.1", route.port, timeout=_TIMEOUT_SECONDS)) as connection:
        for _ in range(pages):
            connection.request("GET", route.path)
            response = connection.getresponse()
            body = response.read()
            if response.status == HTTPStatus.NOT_FOUND:
                raise NotRunError(f"no route {route.path} is served")
            if response.status != HTTPStatus.OK:
                raise RuntimeError(f"{route.path} was answered with {response.status}: {body[:200]!r}")
    return body


def _check(served: Mapping[str, Measured[bytes]]) -> None:
    """Raise RuntimeError unless both pages hold the same jobs."""
    own, bare = ({result["job_id"] for result in json.loads(page.given)} for page in served.values())
    if own != bare or len(own) != _JOBS:
        raise RuntimeError(f"the pages hold {len(own)} and {len(bare)} jobs, {len(own & bare)} of them the same")
