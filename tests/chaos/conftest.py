"""Servers of the chaos's own: it restarts them, and fills the disk of one."""

from collections.abc import Iterator

import pytest

from tests.chaos.ground import Ground
from tests.chaos.site import Site
from tests.conftest import started
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer
from tests.servers.small_disk import NoSmallDisk, SmallDisk

_DISK_MIB = 512


@pytest.fixture
def small_disk() -> Iterator[SmallDisk | None]:
    """A disk for PostgreSQL alone; None on a machine that lets us mount nothing, which the figures then say aloud."""
    try:
        disk = SmallDisk(_DISK_MIB)
    except NoSmallDisk:
        yield None
        return
    try:
        yield disk
    finally:
        disk.close()


@pytest.fixture
def ground(small_disk: SmallDisk | None) -> Iterator[Ground]:
    """The services on servers of their own; nothing but the servers runs yet."""
    postgres = started(lambda: PostgresServer(small_disk.folder if small_disk else None))
    try:
        rabbitmq = started(RabbitMQServer)
        try:
            with postgres.empty_database() as database_url, rabbitmq.empty_virtual_host() as broker_url:
                site = Site(database_url, broker_url)
                try:
                    yield Ground(site, postgres, rabbitmq, small_disk, broker_url)
                finally:
                    site.close()
        finally:
            rabbitmq.close()
    finally:
        postgres.close()
