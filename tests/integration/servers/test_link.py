"""The link that tests cut, stall and slow."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests.servers.link import Link

_SECONDS = 10.0


def _echo(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(ConnectionError):
            while data := connection.recv(1024):
                connection.sendall(data)


@pytest.fixture
def link() -> Iterator[Link]:
    """A link to a server that says everything back."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=_echo, args=(listener,))
        thread.start()
        made = Link(listener.getsockname()[1])
        try:
            yield made
        finally:
            made.close()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(_SECONDS)


def connect(link: Link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=_SECONDS)


def says_back(connection: socket.socket) -> bool:
    connection.sendall(b"hello")
    return connection.recv(5) == b"hello"


def test_what_is_sent_comes_through(link: Link) -> None:
    with connect(link) as connection:
        assert says_back(connection)


def test_a_cut_ends_every_connection_and_refuses_new_ones(link: Link) -> None:
    with connect(link) as connection:
        says_back(connection)

        link.cut()

        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionResetError), connect(link) as another:  # by whoever is quicker, the reset or we
        says_back(another)


def test_a_mended_link_serves_whoever_connects_anew(link: Link) -> None:
    link.cut()
    link.mend()

    with connect(link) as connection:
        assert says_back(connection)


def test_a_stalled_link_passes_on_nothing_until_it_is_mended(link: Link) -> None:
    with connect(link) as connection:
        link.stall()
        connection.sendall(b"hello")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(5)

        link.mend()

        connection.settimeout(_SECONDS)
        assert connection.recv(5) == b"hello"


def test_a_slow_link_takes_its_time_both_ways(link: Link) -> None:
    with connect(link) as connection:
        link.slow(0.1)

        began_at = time.monotonic()
        is_back = says_back(connection)

        assert is_back
        assert time.monotonic() - began_at >= 0.2


def test_a_link_to_nobody_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with closing(Link(port)) as link, connect(link) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)
