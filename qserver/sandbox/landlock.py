"""Which files a child may touch, and whom it may look at: Landlock, the kernel's sandbox for the unprivileged.

A child writes in its own folder alone, and reads where `Limits.readable_paths` says. Whatever the rules on files,
being in a domain of its own keeps it from reading memory or environment of the service and of its siblings through
/proc, which a process of the same user otherwise may. One with capabilities still could, so they are given up (see
`prctl`). See landlock(7) and <linux/landlock.h>.
"""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

# The same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE = 1 << 0, 1 << 1, 1 << 2
_REMOVE_AND_MAKE = (
    0b1_1111_1111 << 4
)  # remove folder, file; make device, folder, file, socket, pipe, block device, link
_MOVE, _TRUNCATE = 1 << 13, 1 << 14
_SCOPES = 0b11  # no abstract socket and no signal to the outside

_TRUNCATE_VERSION = 3
SCOPE_VERSION = 6
"""From this version on signals and abstract sockets end at the domain's wall."""

# Listing a folder is left alone: Python can't import from one that it can't list, and one that holds our packages may
# hold secrets too.
_READ = _EXECUTE | _READ_FILE
_DEVICES = ("null", "full", "random", "urandom", "nvidia*", "dri", "kfd", "dxg")
"""Of /dev, the harmless ones and those of GPUs: /dev/shm holds files of other jobs, and root's disks lie there too."""
_READ_ONLY_DEVICES = ("zero",)
"""Mapped for writing it is memory that nobody counts: see `seccomp`."""


def version() -> int:
    """Give the kernel's version of Landlock's interface; 0 where there is none, or it is switched off."""
    try:
        return _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict_files(*, writable: Path, readable: Sequence[str] | None) -> None:
    """Confine this thread and all that it starts, for good. Needs PR_SET_NO_NEW_PRIVS.

    `readable` None leaves reading to the rights of the user. Does nothing where `version` is 0. Raises OSError where
    the kernel refuses.
    """
    known = version()
    if not known:
        return
    write = _write_rights(known)
    read = 0 if readable is None else _READ
    with _ruleset(known, rights=write | read) as ruleset:
        _allow(ruleset, str(writable), write | read)
        for device in chain.from_iterable(Path("/dev").glob(pattern) for pattern in _DEVICES):
            _allow(ruleset, str(device), (_WRITE_FILE | _TRUNCATE) & write | read & ~_EXECUTE)
        for name in _READ_ONLY_DEVICES if read else ():  # a rule without rights is refused
            _allow(ruleset, f"/dev/{name}", read & ~_EXECUTE)
        for path in readable or ():
            _allow(ruleset, path, read)
        _call(_RESTRICT_SELF, ruleset, 0)


def _write_rights(known: int) -> int:
    # Moving between folders (_MOVE) is denied everywhere by version 1, which can't be told about it.
    rights = _WRITE_FILE | _REMOVE_AND_MAKE
    if known > 1:
        rights |= _MOVE
    return rights | _TRUNCATE if known >= _TRUNCATE_VERSION else rights


@contextlib.contextmanager
def _ruleset(known: int, *, rights: int) -> Iterator[int]:
    # struct landlock_ruleset_attr: files, network (left alone here: the filter of system calls denies it), scopes.
    attributes = struct.pack("=QQQ", rights, 0, _SCOPES) if known >= SCOPE_VERSION else struct.pack("=Q", rights)
    descriptor = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow something of a file, or beneath a folder; what isn't there needs no rule."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        # struct landlock_path_beneath_attr, which is packed.
        _call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: int | bytes | None) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    plain = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = int(library.syscall(ctypes.c_long(number), *plain))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock refused call {number}: {os.strerror(code)}")
    return result
