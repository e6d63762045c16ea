"""`python -m bench`: start private servers and services, measure all in turns, write and print what was found."""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench import report
from bench.client import Client
from bench.measures import MEASURES, Parties
from bench.peers.aer import Expert
from tests.acceptance.deployment import Deployment
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer

RESULTS = Path(__file__).parent / "results"
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "autovacuum": "on"}


@contextmanager
def services() -> Iterator[str]:
    """Run everything on this machine, durably; gives the address of jobs_server."""
    with closing(PostgresServer(**DURABLE)) as postgres, closing(RabbitMQServer()) as rabbitmq:
        postgres.start()
        rabbitmq.start()
        with (
            postgres.empty_database() as database_url,
            rabbitmq.empty_virtual_host() as broker_url,
            closing(_deployment(database_url, broker_url)) as deployment,
        ):
            deployment.start()
            yield deployment.grpc_address
            deployment.stop()


def _deployment(database_url: str, broker_url: str) -> Deployment:
    # As deployed, where the tests want lost leases found sooner.
    return Deployment(
        database_url,
        broker_url,
        workers=2,
        QSERVER_LEASE_SECONDS="60",
        QSERVER_LEASE_RENEW_SECONDS="20",
        QSERVER_JANITOR_INTERVAL_SECONDS="300",
        QSERVER_SIMULATOR_PROCESSES="1",
    )


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=[measure.name for measure in MEASURES], action="append")
    options = parser.parse_args()
    chosen = [measure for measure in MEASURES if not options.only or measure.name in options.only]
    now = datetime.now(UTC)
    with services() as address, Client.of(address) as qserver, Expert() as expert:
        parties = Parties(qserver, expert)
        for measure in chosen:
            measure.run(parties, 0)  # all warm
        rounds = [
            {measure.name: measure.run(parties, number) for measure in chosen}
            for number in range(1, options.rounds + 1)
        ]
    rows = [report.Row.of(measure, [each[measure.name] for each in rounds]) for measure in chosen]
    report.write(RESULTS / f"{now:%Y%m%dT%H%M%SZ}.json", rows, at=now)
    print(report.table(rows))


if __name__ == "__main__":
    main()
