"""A filter of system calls: no network, no look into other processes, no way out of the process group.

Written as classic BPF by hand, since libseccomp is not everywhere; see seccomp(2), and for the numbers
`asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64). On other machines there is no filter, and
`is_supported` says so.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _FAIL, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_OFFSET, _MACHINE_OFFSET, _FIRST_ARGUMENT_OFFSET = 0, 4, 16
_X32_CALLS = 0x40000000  # x86_64 only: the same calls under other numbers


@dataclass(frozen=True, slots=True)
class _Machine:
    audit_number: int
    calls: Mapping[str, int]


_NEW_CALLS = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "pidfd_getfd": 438}

_MACHINES: Mapping[str, _Machine] = MappingProxyType(
    {
        "x86_64": _Machine(
            0xC000003E,
            {
                "socket": 41,
                "connect": 42,
                "ptrace": 101,
                "setpgid": 109,
                "setsid": 112,
                "process_vm_readv": 310,
                "process_vm_writev": 311,
                "unshare": 272,
                "setns": 308,
                "mount": 165,
                "umount2": 166,
                "pivot_root": 155,
                "bpf": 321,
                "perf_event_open": 298,
                "userfaultfd": 323,
                "add_key": 248,
                "request_key": 249,
                "keyctl": 250,
                "init_module": 175,
                "finit_module": 313,
                "kexec_load": 246,
                **_NEW_CALLS,
            },
        ),
        "aarch64": _Machine(
            0xC00000B7,
            {
                "socket": 198,
                "connect": 203,
                "ptrace": 117,
                "setpgid": 154,
                "setsid": 157,
                "process_vm_readv": 270,
                "process_vm_writev": 271,
                "unshare": 97,
                "setns": 268,
                "mount": 40,
                "umount2": 39,
                "pivot_root": 41,
                "bpf": 280,
                "perf_event_open": 241,
                "userfaultfd": 282,
                "add_key": 217,
                "request_key": 218,
                "keyctl": 219,
                "init_module": 105,
                "finit_module": 273,
                "kexec_load": 104,
                **_NEW_CALLS,
            },
        ),
    }
)

_NETWORK_CALLS = frozenset({"connect"})
"""Denied without network: Unix sockets too, by which databases and container engines listen."""

_ALLOWED_DOMAIN = int(socket.AF_UNIX)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def is_supported() -> bool:
    """Whether there is a filter for this machine."""
    return platform.machine() in _MACHINES


def install_filter(*, allow_network: bool) -> None:
    """Confine this thread and all that it starts, for good. Needs no privilege but PR_SET_NO_NEW_PRIVS.

    Does nothing where `is_supported` is false. Raises OSError where the kernel refuses.
    """
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return
    instructions = build_filter(machine.audit_number, machine.calls, allow_network=allow_network)
    program = _Program(len(instructions), b"".join(instructions))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(program), 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"the kernel refused the filter of system calls: {os.strerror(code)}")


def build_filter(audit_number: int, calls: Mapping[str, int], *, allow_network: bool) -> Sequence[bytes]:
    """Write the program: denied calls fail with EPERM, so that a library that tries one can go on without."""
    denied = sorted(
        number for name, number in calls.items() if name != "socket" and not (allow_network and name in _NETWORK_CALLS)
    )
    program = [
        _instruction(_LOAD, _MACHINE_OFFSET),
        _instruction(_JUMP_IF_EQUAL, audit_number, if_true=1),
        _instruction(_RETURN, _KILL_PROCESS),  # calls of a 32-bit program, whose numbers mean other things
        _instruction(_LOAD, _NUMBER_OFFSET),
        _instruction(_JUMP_IF_AT_LEAST, _X32_CALLS, if_false=1),
        _instruction(_RETURN, _FAIL | errno.EPERM),
    ]
    for number in denied:
        program += [_instruction(_JUMP_IF_EQUAL, number, if_false=1), _instruction(_RETURN, _FAIL | errno.EPERM)]
    if not allow_network:
        program += _deny_foreign_sockets(calls["socket"])
    return [*program, _instruction(_RETURN, _ALLOW)]


def _deny_foreign_sockets(socket_call: int) -> Sequence[bytes]:
    return (
        _instruction(_JUMP_IF_EQUAL, socket_call, if_false=3),
        _instruction(_LOAD, _FIRST_ARGUMENT_OFFSET),
        _instruction(_JUMP_IF_EQUAL, _ALLOWED_DOMAIN, if_true=1),
        _instruction(_RETURN, _FAIL | errno.EPERM),
    )


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """Pack a `struct sock_filter`: jumps count the instructions to skip."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
