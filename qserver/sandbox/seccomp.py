"""A filter of system calls: no network, no hold on other processes, no way out of the process group, no hidden memory.

Nor can what it is confined by be undone, such as the signal that ends it with its parent.

Hidden is memory that the counters of no process show (see `memory`): of files that lie nowhere, of mappings that are
shared with nobody (their pages stay when they are unmapped, and are no longer counted), of pages that a pipe holds on
to, of buffers of sockets, of locks on ranges of files.

Written as classic BPF by hand, since libseccomp is not everywhere; see seccomp(2). On machines that `system_calls`
doesn't know there is no filter, and `is_supported` says so.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qserver.sandbox.system_calls import MACHINES

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _JUMP_IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_DENY, _LACK = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER_OFFSET, _MACHINE_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_HALF = 4  # bytes of an argument that one instruction can look at
_X32_CALLS = 0x40000000  # x86_64 only: the same calls under other numbers

_DENIED = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "kcmp", "pidfd_getfd"),
    *("setpgid", "setsid", "unshare", "setns", "mount", "umount2", "pivot_root"),
    *("ioprio_set", "sched_setparam", "sched_setscheduler", "sched_setattr", "migrate_pages", "move_pages"),
    # What these make outlives the process that made it.
    *("shmget", "semget", "msgget", "mq_open"),
    *("bpf", "perf_event_open", "fanotify_init", "userfaultfd", "io_uring_setup", "io_uring_enter"),
    *("io_uring_register", "add_key", "request_key", "keyctl", "init_module", "finit_module", "kexec_load"),
    # Landlock has no right for these: of every file of the user, wherever it lies, they would change who may read it.
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "file_setattr"),
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
    *("utime", "utimes", "futimesat", "utimensat"),
    *("vmsplice", "splice", "tee"),  # a slot of a pipe may hold on to 2 MiB
    "truncate",  # by a path: Landlock judges it from version 3 on, and before, it would empty what can't be opened
)

_MEMORY_FILES = ("memfd_create", "memfd_secret")
"""Memory that no limit of a process counts, nor the kernel when it looks for whom to kill."""

_ANONYMOUS, _SHARED = 0x20, 0x01  # of mmap's flags: MAP_ANONYMOUS, and a bit of MAP_SHARED and MAP_SHARED_VALIDATE
_SOCKET_LEVEL = 1
_BUFFER_SIZES = (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF, and both with FORCE
_RANGE_LOCKS = (6, 7, 37, 38)  # of fcntl: F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW

_NETWORK_CALLS = ("connect", "sendmsg", "sendmmsg")
"""Denied without network: Unix sockets too, by which databases and container engines listen."""

_SET_OWNER, _SET_OWNER_BY_TYPE = 8, 15  # of fcntl: F_SETOWN, F_SETOWN_EX
_SET_OWNER_OF_FILE, _SET_OWNER_OF_SOCKET = 0x8901, 0x8902  # of ioctl: FIOSETOWN, SIOCSPGRP

_SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE = 1, 4  # of prctl

_FORKS = ("fork", "vfork")
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID and _NEWNET
_THREAD = 0x00010000  # CLONE_THREAD


@dataclass(frozen=True, slots=True)
class Freedom:
    """What the filter leaves to a process."""

    network: bool = False
    processes: bool = False  # or threads alone
    hidden_memory: bool = False  # for whose memory nobody counts
    signals_to: int | None = None  # the one process that it may signal, itself; None leaves it to Landlock


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def is_supported() -> bool:
    """Whether there is a filter for this machine."""
    return platform.machine() in MACHINES


def install_filter(freedom: Freedom) -> None:
    """Confine this thread and all that it starts, for good. Needs no privilege but PR_SET_NO_NEW_PRIVS.

    Does nothing where `is_supported` is false. Raises OSError where the kernel refuses.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        return
    instructions = build_filter(machine.audit_number, machine.calls, freedom)
    program = _Program(len(instructions), b"".join(instructions))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(program), 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"the kernel refused the filter of system calls: {os.strerror(code)}")


def build_filter(audit_number: int, calls: Mapping[str, int], freedom: Freedom) -> Sequence[bytes]:
    """Write the program: denied calls fail with EPERM, so that a library that tries one can go on without."""
    program = [
        _instruction(_LOAD, _MACHINE_OFFSET),
        _instruction(_JUMP_IF_EQUAL, audit_number, if_true=1),
        _instruction(_RETURN, _KILL_PROCESS),  # calls of a 32-bit program, whose numbers mean other things
        _instruction(_LOAD, _NUMBER_OFFSET),
        _instruction(_JUMP_IF_AT_LEAST, _X32_CALLS, if_false=1),
        _instruction(_RETURN, _DENY),
    ]
    for name, body in _rules(freedom).items():
        if name in calls:
            program += [_instruction(_JUMP_IF_EQUAL, calls[name], if_false=len(body)), *body]
    return [*program, _instruction(_RETURN, _ALLOW)]


def _rules(freedom: Freedom) -> Mapping[str, Sequence[bytes]]:
    """Give for each call that isn't simply allowed what follows it: instructions that end in a verdict."""
    return {
        **dict.fromkeys(_DENIED, (_instruction(_RETURN, _DENY),)),
        # Of another process of the same user: its limits, its priority, its cores.
        "prlimit64": _require((_argument(0), 0)),
        "setpriority": _require((_argument(0), os.PRIO_PROCESS), (_argument(1), 0)),
        "sched_setaffinity": _require((_argument(0), 0)),
        # The flags of clone3 lie in memory, where no filter can read them. Without it, libraries call clone.
        "clone3": (_instruction(_RETURN, _LACK),),
        "clone": _check_clone(processes=freedom.processes),
        # The owner of a descriptor is sent a signal, any that one asks for, when something comes by it.
        "fcntl": _refuse(_argument(1), _SET_OWNER, _SET_OWNER_BY_TYPE, *(() if freedom.processes else _RANGE_LOCKS)),
        "ioctl": _refuse(_argument(1), _SET_OWNER_OF_FILE, _SET_OWNER_OF_SOCKET),
        # It dies with its parent, and what hides or shows it to others was settled before.
        "prctl": _refuse(_argument(0), _SET_PARENT_DEATH_SIGNAL, _SET_DUMPABLE),
        **({} if freedom.hidden_memory else _without_hidden_memory()),
        **({} if freedom.processes else dict.fromkeys(_FORKS, (_instruction(_RETURN, _DENY),))),
        **({} if freedom.network else _without_network()),
        **({} if freedom.signals_to is None else _signals_only_to(freedom.signals_to)),
    }


def _without_network() -> Mapping[str, Sequence[bytes]]:
    return {
        **dict.fromkeys(_NETWORK_CALLS, (_instruction(_RETURN, _DENY),)),
        "socket": _require((_argument(0), int(socket.AF_UNIX))),
        "sendto": _require((_argument(4), 0), (_argument(4) + _HALF, 0)),  # what is connected needs no address
        "setsockopt": _refuse_sizes_of_buffers(),
    }


def _without_hidden_memory() -> Mapping[str, Sequence[bytes]]:
    return {
        **dict.fromkeys(_MEMORY_FILES, (_instruction(_RETURN, _DENY),)),
        "mmap": (
            _instruction(_LOAD, _argument(3)),
            _instruction(_JUMP_IF_ANY_BIT, _ANONYMOUS, if_false=2),
            _instruction(_JUMP_IF_ANY_BIT, _SHARED, if_false=1),
            _instruction(_RETURN, _DENY),
            _instruction(_RETURN, _ALLOW),
        ),
    }


def _signals_only_to(pid: int) -> Mapping[str, Sequence[bytes]]:
    to_itself = _require((_argument(0), pid))
    return {
        "kill": _require((_argument(0), pid, 0, 2**32 - pid)),  # its group too, which it can't leave
        **dict.fromkeys(("tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), to_itself),
        "pidfd_send_signal": (_instruction(_RETURN, _DENY),),
    }


def _check_clone(*, processes: bool) -> Sequence[bytes]:
    thread_only = (_instruction(_JUMP_IF_ANY_BIT, _THREAD, if_true=1), _instruction(_RETURN, _DENY))
    return (
        _instruction(_LOAD, _argument(0)),
        _instruction(_JUMP_IF_ANY_BIT, _NEW_NAMESPACES, if_false=1),
        _instruction(_RETURN, _DENY),
        *(() if processes else thread_only),
        _instruction(_RETURN, _ALLOW),
    )


def _require(*conditions: tuple[int, *tuple[int, ...]]) -> Sequence[bytes]:
    """Allow a call whose arguments are as they must be: each condition is an offset and the values allowed there."""
    body: list[bytes] = []
    for offset, *values in conditions:
        body.append(_instruction(_LOAD, offset))
        for left, value in zip(range(len(values), 0, -1), values, strict=True):
            body.append(_instruction(_JUMP_IF_EQUAL, value, if_true=left))
        body.append(_instruction(_RETURN, _DENY))
    return (*body, _instruction(_RETURN, _ALLOW))


def _refuse(offset: int, *values: int) -> Sequence[bytes]:
    """Allow a call unless an argument is one of these."""
    body = [_instruction(_LOAD, offset)]
    for value in values:
        body += [_instruction(_JUMP_IF_EQUAL, value, if_false=1), _instruction(_RETURN, _DENY)]
    return (*body, _instruction(_RETURN, _ALLOW))


def _refuse_sizes_of_buffers() -> Sequence[bytes]:
    refused = _refuse(_argument(2), *_BUFFER_SIZES)
    return (
        _instruction(_LOAD, _argument(1)),
        _instruction(_JUMP_IF_EQUAL, _SOCKET_LEVEL, if_true=1),
        _instruction(_RETURN, _ALLOW),
        *refused,
    )


def _argument(number: int) -> int:
    """Find the lower half of an argument: machines here are little-endian."""
    return _ARGUMENTS_OFFSET + number * 2 * _HALF


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """Pack a `struct sock_filter`: jumps count the instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
