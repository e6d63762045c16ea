"""The servers that all other tests stand on."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pika
import psycopg
import pytest

from tests.processes import is_running
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]


def rows(server: PostgresServer) -> list[tuple[object, ...]]:
    with server.connect() as connection:
        return connection.execute("SELECT * FROM kept").fetchall()


def test_each_test_gets_an_empty_database(postgres_database_url: str) -> None:
    with psycopg.connect(postgres_database_url.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall()

    assert tables == []


@pytest.mark.parametrize("way", ["stop", "immediate", "kill"])
def test_postgres_keeps_its_data_however_it_was_stopped(way: str) -> None:
    server = PostgresServer()
    try:
        server.start()
        with server.connect() as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

        match way:
            case "stop":
                server.stop()
            case "immediate":
                server.stop(is_immediate=True)
            case _:
                server.kill()
        server.start()

        assert rows(server) == [(7,)]
    finally:
        server.close()


SCRIPT = """
import time
from tests.processes import is_running
from tests.servers.postgres import PostgresServer
from tests.servers.rabbitmq import RabbitMQServer

for server in (PostgresServer(), RabbitMQServer()):
    server.start()
    print(server.pid, server._folder, flush=True)
time.sleep(600)
"""


def test_servers_end_and_leave_no_files_when_the_tests_are_killed() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    started = [owner.stdout.readline().split() for _ in range(2)]

    os.kill(owner.pid, signal.SIGKILL)
    owner.wait(10)
    owner.stdout.close()

    wait_until(
        lambda: not any(is_running(int(pid)) or Path(folder).exists() for pid, folder in started),
        what="servers end and their folders are removed",
    )


def declare(url: str, *, passive: bool) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        connection.channel().queue_declare("kept", durable=True, passive=passive)
    finally:
        connection.close()


@pytest.mark.parametrize("is_killed", [False, True])
def test_rabbitmq_comes_back_on_the_same_port(*, is_killed: bool) -> None:
    server = RabbitMQServer()
    try:
        server.start()
        declare(server.url, passive=False)

        server.restart(is_killed=is_killed)

        # One that is killed may forget a queue that was declared a moment ago; whoever needs it declares it again.
        declare(server.url, passive=not is_killed)
    finally:
        server.close()
