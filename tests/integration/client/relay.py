"""A line between a client and a server that can be cut, or go dead without a word, as under a laptop that sleeps."""

import socket
from contextlib import suppress
from threading import Event, Lock, Thread

_PIECE_BYTES = 64 * 1024
_ACCEPT_SECONDS = 0.05


class Relay:
    """Carries bytes both ways until it is told not to."""

    def __init__(self, port: int) -> None:
        """Listen on a port of its own, and connect each client to `port`."""
        self._target_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_ACCEPT_SECONDS)
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._dead: set[socket.socket] = set()
        self._closed = Event()
        self.connections = 0
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """Where clients connect to."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """End every connection there is; new ones work."""
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):  # it has ended already
                    each.shutdown(socket.SHUT_RDWR)

    def go_dead(self) -> None:
        """Let connections there are carry nothing any more, and tell nobody; new ones work."""
        with self._lock:
            self._dead.update(self._sockets)

    def close(self) -> None:
        """End it."""
        self._closed.set()
        self._threads[0].join()
        self.cut()
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target_port))
        carriers = [Thread(target=self._carry, args=ends) for ends in ((client, server), (server, client))]
        with self._lock:
            self.connections += 1
            self._sockets += [client, server]
            self._threads += carriers
        for carrier in carriers:
            carrier.start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):  # it was cut
            while piece := source.recv(_PIECE_BYTES):
                if source not in self._dead:
                    target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
