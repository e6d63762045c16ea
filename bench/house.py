"""Everybody who takes part in a run: started when a measure first asks, kept warm, ended together."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from bench.peers.expert import Expert
from bench.peers.result_route_party import ResultRouteParty
from bench.qserver_party import QServerParty
from bench.servers import Servers, connection_string
from bench.standalone_party import StandaloneParty

if TYPE_CHECKING:
    from bench.peers.celery_party import CeleryParty
    from bench.peers.dask_cluster import DaskCluster


class House:
    """Servers, QServer and its peers."""

    def __init__(self, stack: ExitStack) -> None:
        """Have `stack` end what gets started."""
        self._stack = stack
        self._databases: dict[str, str] = {}

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["House"]:
        """Let measures ask for the time of the block."""
        with ExitStack() as stack:
            yield cls(stack)

    @cached_property
    def servers(self) -> Servers:
        """PostgreSQL and RabbitMQ."""
        return self._stack.enter_context(Servers.started())

    @cached_property
    def qserver(self) -> QServerParty:
        """QServer as it is deployed, on an empty database."""
        database_url = self._stack.enter_context(self.servers.empty_database())
        return self._stack.enter_context(QServerParty.started(self.servers, database_url))

    @cached_property
    def result_route(self) -> ResultRouteParty:
        """A bare HTTP route over the results of `qserver`."""
        return self._stack.enter_context(closing(ResultRouteParty(connection_string(self.qserver.database_url))))

    def database(self, name: str) -> str:
        """Give the URL of a database that stays for the whole run; empty when its name is first asked for."""
        if name not in self._databases:
            self._databases[name] = self._stack.enter_context(self.servers.empty_database())
        return self._databases[name]

    @cached_property
    def standalone(self) -> StandaloneParty:
        """QServer in one process."""
        return self._stack.enter_context(closing(StandaloneParty()))

    @cached_property
    def expert(self) -> Expert:
        """Aer by hand."""
        return self._stack.enter_context(closing(Expert()))

    @cached_property
    def celery(self) -> "CeleryParty":
        """A Celery application on the same servers."""
        from bench.peers.celery_party import CeleryParty  # noqa: PLC0415 - of the group `bench`, not `dev`

        database_url = self._stack.enter_context(self.servers.empty_database())
        broker_url = self._stack.enter_context(self.servers.empty_virtual_host())
        return self._stack.enter_context(closing(CeleryParty(broker_url, database_url)))

    @cached_property
    def dask(self) -> "DaskCluster":
        """A Dask cluster."""
        from bench.peers.dask_cluster import DaskCluster  # noqa: PLC0415 - of the group `bench`, not `dev`

        return self._stack.enter_context(closing(DaskCluster()))
