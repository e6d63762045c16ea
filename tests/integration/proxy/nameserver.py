"""A name server that knows one name, for services that come up later or move (RFC 1035)."""

import socket
import struct
import threading
from types import TracebackType
from typing import Self

_HEADER_BYTES = 12
_A = 1
_NO_SUCH_NAME = 3


class NameServer:
    """Answers every question for an address with the one it was told last, or that there is none."""

    def __init__(self) -> None:
        """Bind a port; answers from `__enter__` on."""
        self.address = ""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def place(self) -> str:
        """Where it answers."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as farewell:
            farewell.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(512)
            if not question:
                return
            self._socket.sendto(self._answer(question), sender)

    def _answer(self, question: bytes) -> bytes:
        name, kind = question[_HEADER_BYTES:-4], struct.unpack(">H", question[-4:-2])[0]
        is_known = bool(self.address) and kind == _A
        flags = 0x8180 | (0 if is_known else _NO_SUCH_NAME)
        header = question[:2] + struct.pack(">HHHHH", flags, 1, int(is_known), 0, 0)
        record = struct.pack(">HHHIH", 0xC00C, _A, 1, 1, 4) + socket.inet_aton(self.address) if is_known else b""
        return header + name + question[-4:] + record
