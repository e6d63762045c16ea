"""What the tests' children do: a handler for each way to behave, and to misbehave."""

import ctypes
import gc
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from qserver.errors import InvalidCircuit, QuotaExceeded
from qserver.sandbox.child import Handler, serve
from qserver.sandbox.frames import CHANNEL_DESCRIPTOR, PREFIX
from qserver.sandbox.seccomp import Freedom, install_filter

MIB = 1024 * 1024


class PluginsOwnError(QuotaExceeded):
    """A class that the parent doesn't know."""


class Panic(BaseException):
    """What Rust's panics look like in Python."""


def echo(payload: bytes) -> bytes:
    return payload


def grow(payload: bytes) -> bytes:
    return b"x" * int(payload)


def sleep(_: bytes) -> bytes:
    threading.Event().wait()
    return b""


def crash(_: bytes) -> bytes:
    return ctypes.string_at(0)


def leave(payload: bytes) -> bytes:
    os._exit(int(payload))


def hog(payload: bytes) -> bytes:
    """Hold `payload` bytes and say how much was wanted."""
    return str(len(bytearray(int(payload)))).encode()


def abort_like_cpp(_: bytes) -> bytes:
    sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
    sys.stderr.flush()
    os.abort()


def abort(_: bytes) -> bytes:
    os.abort()


def spam(_: bytes) -> bytes:
    sys.stderr.write("spam\n" * 1_000_000 + "the end\n")
    sys.stderr.flush()
    os.abort()


def refuse(_: bytes) -> bytes:
    raise InvalidCircuit("no such gate", line=3, column=7)


def refuse_in_own_words(_: bytes) -> bytes:
    raise PluginsOwnError("enough for today")


def raise_foreign(_: bytes) -> bytes:
    raise KeyError("x" * 100_000)


def panic(_: bytes) -> bytes:
    raise Panic("index out of bounds")


def exit_politely(_: bytes) -> bytes:
    sys.exit(3)


def send_garbage(_: bytes) -> bytes:
    return _send_and_wait(b"\xff" * 100)


def send_half(_: bytes) -> bytes:
    os.write(CHANNEL_DESCRIPTOR, PREFIX.pack(10, 0) + b"{")
    os._exit(0)


def send_half_and_stay(_: bytes) -> bytes:
    os.write(CHANNEL_DESCRIPTOR, PREFIX.pack(10, 0) + b"{")
    os.close(CHANNEL_DESCRIPTOR)
    return sleep(b"")


def send_two(_: bytes) -> bytes:
    header = b'{"id":1}'
    return _send_and_wait((PREFIX.pack(len(header), 0) + header) * 2)


def send_wrong_id(_: bytes) -> bytes:
    header = b'{"id":77}'
    return _send_and_wait(PREFIX.pack(len(header), 0) + header)


def send_wrong_fault(_: bytes) -> bytes:
    header = b'{"id":1,"fault":{"class":"InvalidCircuit","message":"x","reason":"NO_SUCH_REASON"}}'
    return _send_and_wait(PREFIX.pack(len(header), 0) + header)


def send_too_much(_: bytes) -> bytes:
    header = b'{"id":1}'
    return _send_and_wait(PREFIX.pack(len(header), 2**40) + header)


def try_network(_: bytes) -> bytes:
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
        try:
            socket.socket(family, socket.SOCK_STREAM if family != socket.AF_NETLINK else socket.SOCK_RAW).close()
        except PermissionError:
            continue
        return f"{family.name} is open".encode()
    return b"denied"


def try_unix_connection(payload: bytes) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(payload.decode())
    except PermissionError:
        return b"denied"
    return b"connected"


def try_socketpair(_: bytes) -> bytes:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"allowed")
        return other.recv(100)


def try_escape(_: bytes) -> bytes:
    """Leave the session by way of a grandchild, which leads no group yet."""
    code = "import os\ntry: os.setsid()\nexcept PermissionError: print('denied')"
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True).stdout.strip()


def read_file(payload: bytes) -> bytes:
    try:
        return Path(payload.decode()).read_bytes()
    except PermissionError:
        return b"denied"


def write_file(payload: bytes) -> bytes:
    try:
        Path(payload.decode()).write_bytes(b"was here")
    except PermissionError:
        return b"denied"
    return b"written"


def write_much(payload: bytes) -> bytes:
    try:
        Path("much").write_bytes(b"x" * int(payload))
    except OSError as error:
        return (error.strerror or "").encode()
    return b"written"


def dig(payload: bytes) -> bytes:
    """Make folders in folders."""
    for _ in range(int(payload)):
        Path("deeper").mkdir()
        os.chdir("deeper")
    return b""


def signal_process(payload: bytes) -> bytes:
    try:
        os.kill(int(payload), 0)
    except PermissionError:
        return b"denied"
    return b"allowed"


def confine_signals(_: bytes) -> bytes:
    """Do what is done on kernels whose Landlock knows nothing of signals."""
    install_filter(Freedom(processes=True, signals_to=os.getpid()))
    return b""


def signal_itself(_: bytes) -> bytes:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    for send in (
        lambda: os.kill(os.getpid(), signal.SIGUSR1),
        lambda: os.killpg(0, signal.SIGUSR1),
        lambda: os.killpg(os.getpid(), signal.SIGUSR1),
        lambda: signal.raise_signal(signal.SIGUSR1),
        lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1),
    ):
        send()
    return b"allowed"


def state(_: bytes) -> bytes:
    """Tell what the kernel and the environment say of this process."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return json.dumps(
        {
            "environment": dict(os.environ),
            "descriptors": {fd.name: str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.exists()},
            "folder": str(Path.cwd()),
            "nice": os.nice(0),
            "oom_score_adj": Path("/proc/self/oom_score_adj").read_text().strip(),
            "core": resource.getrlimit(resource.RLIMIT_CORE),
            "no_new_privileges": status["NoNewPrivs"],
            "capabilities": status["CapPrm"],
            "ignores_interrupt": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
            "is_session_leader": os.getsid(0) == os.getpid(),
            "threads": status["Threads"],
            "path": sys.path,
            "collector": {"frozen": gc.get_freeze_count(), "new_objects": gc.get_threshold()[0]},
        }
    ).encode()


def draw(_: bytes) -> bytes:
    import numpy as np  # noqa: PLC0415 - loaded by the test that wants it

    return struct.pack("=q", np.random.randint(2**62))  # noqa: NPY002 - the global generator is what is forked


def start_grandchild(_: bytes) -> bytes:
    """Start a process that outlives its handler."""
    process = subprocess.Popen([sys.executable, "-I", "-c", "import threading; threading.Event().wait()"])
    return str(process.pid).encode()


def abandon_grandchild(_: bytes) -> bytes:
    """Start a process whose parent ends at once, and let it end itself."""
    code = "import subprocess, sys; print(subprocess.Popen(['true']).pid)"
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=True).stdout


def _send_and_wait(data: bytes) -> bytes:
    """Send what is no proper reply, and nothing after it."""
    os.write(CHANNEL_DESCRIPTOR, data)
    return sleep(b"")


HANDLERS: Mapping[str, Handler] = {
    handler.__name__: handler
    for handler in (
        *(echo, grow, sleep, crash, leave, hog, abort, abort_like_cpp, spam),
        *(refuse, refuse_in_own_words, raise_foreign, panic, exit_politely),
        *(send_garbage, send_half, send_half_and_stay, send_two, send_wrong_id, send_wrong_fault, send_too_much),
        *(try_network, try_unix_connection, try_socketpair, try_escape, read_file, write_file, write_much),
        *(dig, signal_process, confine_signals, signal_itself, state, draw, start_grandchild, abandon_grandchild),
    )
}


def main() -> None:
    """The entry of most tests."""
    serve(HANDLERS)


def stubborn() -> None:
    """An entry that never reads a request."""
    threading.Event().wait()


if __name__ == "__main__":
    main()
