"""QServer as it is deployed: each service a process of its own, on the bench's servers."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from bench.grpc_client import GrpcClient
from bench.meter import Part
from bench.servers import Servers
from tests.acceptance.deployment import Deployment

WORKERS = 2


class QServerParty:
    """A deployment with two workers of one simulator process each, and a client."""

    def __init__(self, deployment: Deployment, client: GrpcClient, servers: Servers, database_url: str) -> None:
        """Take a deployment that runs."""
        self.client = client
        self.database_url = database_url
        self._deployment = deployment
        self._servers = servers

    @classmethod
    @contextmanager
    def started(cls, servers: Servers, database_url: str) -> Iterator["QServerParty"]:
        """Run it for the time of the block, on a database that may have been used before."""
        with (
            servers.empty_virtual_host() as broker_url,
            closing(_deployment(database_url, broker_url)) as deployment,
        ):
            deployment.start()
            with closing(GrpcClient(deployment.grpc_address)) as client:
                yield cls(deployment, client, servers, database_url)
            deployment.stop()

    @property
    def http_url(self) -> str:
        """Where HTTP is served."""
        return self._deployment.http_url

    @property
    def parts(self) -> Sequence[Part]:
        """The servers and all services, sandboxed processes apart."""
        pids = self._deployment.pids
        return [
            *self._servers.parts,
            Part("jobs_server", pids["jobs_server"], below="inspectors"),
            Part("rest_api", pids["rest_api"]),
            Part("janitor", pids["janitor"]),
            *(Part("workers", pids[name], below="simulators") for name in self._deployment.worker_names),
        ]


def _deployment(database_url: str, broker_url: str) -> Deployment:
    # As deployed, where the tests want lost leases found sooner.
    return Deployment(
        database_url,
        broker_url,
        workers=WORKERS,
        QSERVER_LEASE_SECONDS="60",
        QSERVER_LEASE_RENEW_SECONDS="20",
        QSERVER_JANITOR_INTERVAL_SECONDS="300",
        QSERVER_SIMULATOR_PROCESSES="1",
    )
