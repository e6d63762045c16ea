"""The bare route as a process of its own."""

from collections.abc import Sequence
from http import HTTPStatus

import httpx

from bench.meter import Part
from bench.peers.result_route import DATABASE_VARIABLE, PORT_VARIABLE
from bench.program import Program
from tests.servers.ports import free_port


class ResultRouteParty:
    """Serves the results of a database that QServer writes."""

    def __init__(self, connection_string: str) -> None:
        """Start it and wait until it answers."""
        self.port = free_port()
        environment = {DATABASE_VARIABLE: connection_string, PORT_VARIABLE: str(self.port)}
        self._program = Program("bench.peers.result_route", **environment)
        self._program.wait_until(self._answers)

    @property
    def parts(self) -> Sequence[Part]:
        """The one process."""
        return [Part("bare route", self._program.pid)]

    def close(self) -> None:
        """Stop it."""
        self._program.close()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/results?limit=1").status_code == HTTPStatus.OK
        except httpx.TransportError:
            return False
