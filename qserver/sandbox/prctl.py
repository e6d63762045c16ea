"""What Linux alone can set of a process: see prctl(2) and capset(2)."""

import ctypes
import os
import signal
import struct
import sys

_SET_PARENT_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_SET_CHILD_SUBREAPER = 36
_SET_NO_NEW_PRIVILEGES = 38
_CAPABILITY_VERSION = 0x20080522


def die_with_parent() -> None:
    """Be killed when the thread that forked this process ends: of use only where that parent has one thread."""
    _set(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)


def hide_from_others() -> None:
    """Let no process of the same user read this one's memory or environment, or trace it, from now on.

    Only Linux knows this; elsewhere nothing is done. A program that is run in the place of this one is open again.
    """
    if sys.platform == "linux":
        _set(_SET_DUMPABLE, 0)


def show_to_own_user() -> None:
    """Undo `hide_from_others`, which a fork inherits: what hides belongs to root, its own entries in /proc included."""
    _set(_SET_DUMPABLE, 1)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, to reap them: a container may have no init that does."""
    _set(_SET_CHILD_SUBREAPER, 1)


def renounce_privileges() -> None:
    """Hold no capability and never gain one again, through no program that is run.

    For root this is what makes the other walls stand: one who may trace or administer reads any process's environment.
    """
    _set(_SET_NO_NEW_PRIVILEGES, 1)
    library = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    nothing = bytes(2 * 3 * 4)  # effective, permitted and inheritable, as two 32-bit halves each
    if library.capset(header, nothing) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"capset failed: {os.strerror(code)}")


def _set(option: int, value: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}) failed: {os.strerror(code)}")
