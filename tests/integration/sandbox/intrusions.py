"""What somebody would try who runs code in our processes. Standard library only: it is a file plugin's code too."""

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

DENIED = "denied"
DONE = "done"

_NEW_USER_NAMESPACE = 0x10000000
_CLONE_NUMBERS = {"x86_64": 56, "aarch64": 220}
_VMSPLICE_NUMBERS = {"x86_64": 278, "aarch64": 75}


def attempt(what: str, *arguments: str) -> str:
    """Try it, and tell: `DENIED`, the name of another error, or what came of it."""
    try:
        return ATTEMPTS[what](*arguments)
    except PermissionError:
        return DENIED
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))


def read_file(path: str) -> str:
    return Path(path).read_bytes().decode(errors="replace")


def read_memory(pid: str, address: str, size: str) -> str:
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        memory.seek(int(address))
        return memory.read(int(size)).decode(errors="replace")


def copy_memory(pid: str, address: str, size: str) -> str:
    """Use the system call that needs no file."""
    content = ctypes.create_string_buffer(int(size))
    mine = (ctypes.c_size_t * 2)(ctypes.addressof(content), int(size))
    theirs = (ctypes.c_size_t * 2)(int(address), int(size))
    library = ctypes.CDLL(None, use_errno=True)
    if library.process_vm_readv(int(pid), mine, 1, theirs, 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "process_vm_readv")
    return content.raw.decode(errors="replace")


def open_socket(family: str) -> str:
    socket.socket(getattr(socket, family)).close()
    return DONE


def connect(path: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
    return DONE


def send_datagram(path: str) -> str:
    """Reach a Unix socket without connecting to it."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.sendto(b"hello", path)
    return DONE


def send_message(path: str) -> str:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.sendmsg([b"hello"], [], 0, path)
    return DONE


def write_file(path: str) -> str:
    Path(path).write_bytes(b"was here")
    return DONE


def write_much(size: str) -> str:
    with Path("much").open("wb") as file:
        file.truncate(int(size))
    return DONE


def open_file_to_all(path: str) -> str:
    """Let everybody on the machine read it."""
    Path(path).chmod(0o777)
    return DONE


def empty_file(path: str) -> str:
    """Cut a file off without opening it."""
    os.truncate(path, 0)
    return DONE


def date_file(path: str) -> str:
    os.utime(path, (0, 0))
    return DONE


def label_file(path: str) -> str:
    os.setxattr(path, "user.label", b"was here")
    return DONE


def make_memory_file() -> str:
    """Fill memory that isn't mapped anywhere."""
    descriptor = os.memfd_create("hoard")
    os.write(descriptor, bytes(1024))
    os.close(descriptor)
    return DONE


def share_memory_with_nobody() -> str:
    """Map pages that stay when they are unmapped."""
    mmap.mmap(-1, 1024).close()
    return DONE


def share_zeros() -> str:
    """Map such pages by way of a device."""
    with Path("/dev/zero").open("r+b") as zeros:
        mmap.mmap(zeros.fileno(), 1024).close()
    return DONE


def hand_pages_to_a_pipe() -> str:
    """Let a pipe hold on to pages that are unmapped next."""
    reading, writing = os.pipe()
    page = ctypes.create_string_buffer(1024)
    piece = (ctypes.c_size_t * 2)(ctypes.addressof(page), len(page))
    library = ctypes.CDLL(None, use_errno=True)
    try:
        if library.syscall(_VMSPLICE_NUMBERS[os.uname().machine], writing, piece, 1, 0) < 0:
            raise OSError(ctypes.get_errno(), "vmsplice")
    finally:
        os.close(reading)
        os.close(writing)
    return DONE


def enlarge_a_socket() -> str:
    """Have the kernel keep megabytes of what was sent and not read."""
    one, other = socket.socketpair()
    with one, other:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * 1024 * 1024)
    return DONE


def lock_a_range() -> str:
    """Have the kernel remember a lock; there may be millions."""
    with Path("locked").open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 1, 0)
    return DONE


def fork(count: str) -> str:
    """Start processes that stay, and stay."""
    for _ in range(int(count)):
        if os.fork() == 0:
            signal.pause()
    signal.pause()
    return DONE


def start_threads(count: str) -> str:
    """Start threads that stay, and stay."""
    threading.stack_size(64 * 1024)
    for _ in range(int(count)):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    signal.pause()
    return DONE


def enter_namespace() -> str:
    """Become root of a namespace of one's own, by way of clone."""
    library = ctypes.CDLL(None, use_errno=True)
    number = _CLONE_NUMBERS[os.uname().machine]
    pid = library.syscall(number, _NEW_USER_NAMESPACE | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return DONE


def signal_process(pid: str) -> str:
    os.kill(int(pid), 0)
    return DONE


def signal_by_descriptor(pid: str) -> str:
    """Have the kernel signal another process when something comes by a descriptor."""
    one, other = socket.socketpair()
    with one, other:
        fcntl.fcntl(one, fcntl.F_SETOWN, int(pid))
    return DONE


def limit_process(pid: str) -> str:
    """Let another process open no more files."""
    resource.prlimit(int(pid), resource.RLIMIT_NOFILE, (3, 3))
    return DONE


def slow_process(pid: str) -> str:
    os.setpriority(os.PRIO_PROCESS, int(pid), 19)
    return DONE


def bind_process(pid: str) -> str:
    """Leave another process one core."""
    os.sched_setaffinity(int(pid), {0})
    return DONE


def outlive_its_parent() -> str:
    """Have the kernel send no signal when the parent ends (PR_SET_PDEATHSIG)."""
    return _set_of_itself(1, 0)


def show_itself() -> str:
    """Let other processes of the user read this one's memory (PR_SET_DUMPABLE)."""
    return _set_of_itself(4, 1)


def name_itself() -> str:
    """Do what any library may: give the thread a name (PR_SET_NAME)."""
    name = ctypes.create_string_buffer(b"thread")
    return _set_of_itself(15, ctypes.addressof(name))


def _set_of_itself(option: int, value: int) -> str:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return DONE


def tell_variables() -> str:
    return ",".join(sorted(os.environ))


ATTEMPTS: Mapping[str, Callable[..., str]] = {
    action.__name__: action
    for action in (
        *(read_file, read_memory, copy_memory, open_socket, connect, send_datagram, send_message),
        *(write_file, write_much, open_file_to_all, empty_file, date_file, label_file),
        *(make_memory_file, share_memory_with_nobody, share_zeros),
        *(hand_pages_to_a_pipe, enlarge_a_socket, lock_a_range),
        *(fork, start_threads, enter_namespace, outlive_its_parent, show_itself, name_itself),
        *(signal_process, signal_by_descriptor, limit_process, slow_process, bind_process, tell_variables),
    )
}
