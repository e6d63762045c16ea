"""Handlers that take memory past RLIMIT_DATA, and wait until somebody notices."""

import ctypes
import mmap
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

from qserver.sandbox.child import Handler, serve

PAGE_BYTES = 4096
TABLE_SPAN_BYTES = 2 * 1024 * 1024
"""What one page of tables speaks of, where pages are 4 KiB."""

_EXIT = {"x86_64": 60, "aarch64": 93}


def hog_mapped_file(payload: bytes) -> bytes:
    """Touch `payload` bytes of a file in its folder, in pieces that the limit of a file's size allows."""
    blocks: list[mmap.mmap] = []
    for number in range(0, int(payload), 16 * 1024 * 1024):
        with Path(f"piece{number}").open("w+b") as file:
            file.truncate(16 * 1024 * 1024)
            blocks.append(mmap.mmap(file.fileno(), 0))
        for offset in range(0, len(blocks[-1]), PAGE_BYTES):
            blocks[-1][offset] = 1
    return _wait()


def hog_page_tables(payload: bytes) -> bytes:
    """Read here and there in a mapping that can't be written, until its tables take `payload` bytes.

    All pages are the kernel's one page of zeros, which counts as nobody's.
    """
    pages = int(payload) // PAGE_BYTES
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    block = mmap.mmap(-1, pages * TABLE_SPAN_BYTES, flags=flags, prot=mmap.PROT_READ)
    for offset in range(0, len(block), TABLE_SPAN_BYTES):
        block[offset]
    return _wait()


def hog_behind_a_dead_leader(payload: bytes) -> bytes:
    """End the process's first thread, and let another one take the memory: of the first, the kernel tells none."""
    threading.Thread(target=hog_page_tables, args=(payload,)).start()
    ctypes.CDLL(None).syscall(_EXIT[os.uname().machine], 0)
    return b"still there"


def let_a_process_hog_page_tables(payload: bytes) -> bytes:
    """Fork, and wait."""
    if os.fork() == 0:
        hog_page_tables(payload)
    return _wait()


def share_memory_with_nobody(_: bytes) -> bytes:
    try:
        mmap.mmap(-1, PAGE_BYTES)
    except PermissionError:
        return b"denied"
    return b"allowed"


def count_sockets(_: bytes) -> bytes:
    """Open sockets until there can be no more, and fill each. Gives how many bytes they hold."""
    pairs = []
    try:
        while True:
            pairs.append(socket.socketpair())
    except OSError:
        return str(sum(_fill(end) for pair in pairs for end in pair)).encode()


def _wait() -> bytes:
    threading.Event().wait()
    return b""


def _fill(end: socket.socket) -> int:
    end.setblocking(False)
    written = 0
    try:
        while True:
            written += end.send(bytes(PAGE_BYTES))
    except BlockingIOError:
        return written


HANDLERS: Mapping[str, Handler] = {
    handler.__name__: handler
    for handler in (
        *(hog_mapped_file, hog_page_tables, hog_behind_a_dead_leader, let_a_process_hog_page_tables),
        *(share_memory_with_nobody, count_sockets),
    )
}


def main() -> None:
    """An entry of the tests."""
    serve(HANDLERS)
