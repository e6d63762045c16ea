"""What a child does to itself before it runs anything: it gives up whatever it doesn't need.

Runs in a freshly forked process of one thread, and can't be undone by what comes after.
"""

import contextlib
import os
import resource
import signal
from collections.abc import Mapping
from pathlib import Path

from qserver.sandbox import landlock
from qserver.sandbox.frames import CHANNEL_DESCRIPTOR
from qserver.sandbox.limits import Limits
from qserver.sandbox.memory import data_bytes
from qserver.sandbox.prctl import die_with_parent, hide_from_others, renounce_privileges, show_to_own_user
from qserver.sandbox.seccomp import Freedom, install_filter

OOM_SCORE_ADJUSTMENT = 800  # of -1000..1000: a child dies before any service does

_MAX_OPEN_FILES = 1024
_MAX_OPEN_FILES_ALONE = 256
"""Of one that starts no processes: each socket holds up to 0.2 MB (net.core.wmem_default) that nobody counts as its."""


def follow_into_death(parent: int) -> None:
    """Die as soon as `parent` does. It must be this process's parent, and have one thread.

    With more threads the kernel's signal would come at the end of the one that forked, not of the process.
    """
    die_with_parent()
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)


def take_descriptors(*, channel: int, standard_error: int) -> None:
    """Keep the channel, standard error, and nothing else that was inherited."""
    # Numbers above the ones to be filled, lest one overwrites another that is yet to be moved.
    channel, standard_error = (_move_up(descriptor) for descriptor in (channel, standard_error))
    null = _move_up(os.open(os.devnull, os.O_RDWR))
    for descriptor, place in ((null, 0), (null, 1), (standard_error, 2), (channel, CHANNEL_DESCRIPTOR)):
        os.dup2(descriptor, place, inheritable=True)
    for entry in tuple(Path("/proc/self/fd").iterdir()):
        if int(entry.name) > CHANNEL_DESCRIPTOR:
            with contextlib.suppress(OSError):  # the one by which the list was read is closed already
                os.close(int(entry.name))


def confine(limits: Limits, *, folder: Path, environment: Mapping[str, str]) -> None:
    """Set the process's limits, folder and environment. Raises OSError where the kernel refuses."""
    _reset_signals()
    show_to_own_user()  # or a process that isn't root's could not write what follows
    os.umask(0o077)
    os.chdir(folder)
    os.environ.update({"HOME": str(folder), "TMPDIR": str(folder), **environment})
    os.nice(limits.nice)
    Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJUSTMENT), encoding="ascii")
    _limit_resources(limits)
    renounce_privileges()
    landlock.restrict_files(writable=folder, readable=limits.readable_paths)
    if not landlock.version():
        hide_from_others()  # from its siblings, which Landlock would keep apart
    install_filter(_freedom(limits))


def _freedom(limits: Limits) -> Freedom:
    return Freedom(
        network=limits.network,
        processes=limits.may_start_processes,
        hidden_memory=limits.memory_bytes is None,
        signals_to=None if landlock.version() >= landlock.SCOPE_VERSION else os.getpid(),
    )


def _move_up(descriptor: int) -> int:
    while descriptor <= CHANNEL_DESCRIPTOR:
        descriptor = os.dup(descriptor)
    return descriptor


def _reset_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    # Ctrl-C in a terminal is for the service, which then ends its children in good order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limit_resources(limits: Limits) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES if limits.may_start_processes else _MAX_OPEN_FILES_ALONE)
    if limits.memory_bytes is not None:
        _limit(resource.RLIMIT_DATA, data_bytes() + limits.memory_bytes)


def _limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (capped, capped))
