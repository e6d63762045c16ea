"""The first steps of a child, between the fork and its own code."""

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, cast

from qserver.sandbox.confinement import confine, follow_into_death, take_descriptors
from qserver.sandbox.ending import EXIT_START_FAILED
from qserver.sandbox.frames import CHANNEL_DESCRIPTOR
from qserver.sandbox.spawning import SpawnRequest


def run_child(request: SpawnRequest, *, forkserver: int, channel: int, standard_error: int) -> NoReturn:
    """Become the child that `request` describes. Never returns, lest two processes go on as one forkserver."""
    code = EXIT_START_FAILED
    try:
        os.setsid()
        follow_into_death(forkserver)
        take_descriptors(channel=channel, standard_error=standard_error)
        confine(request.limits, folder=Path(request.folder), environment=request.environment)
        start = _prepare(request)
        code = 1
        start()
        code = 0
    except BaseException:  # noqa: BLE001 - the outermost loop of a process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)  # no clean-up of the forkserver's copies: its sockets and handlers are not ours


def _prepare(request: SpawnRequest) -> Callable[[], None]:
    """Find what to call; where it is another program, become that."""
    if request.entry is None:
        os.set_inheritable(CHANNEL_DESCRIPTOR, True)
        os.execvpe(request.argv[0], list(request.argv), os.environ)  # noqa: S606 - no shell is wanted
    _reseed()
    return find_entry(request.entry)


def find_entry(entry: str) -> Callable[[], None]:
    """Find the function that "module:function" names."""
    module, _, name = entry.partition(":")
    return cast("Callable[[], None]", getattr(importlib.import_module(module), name))


def _reseed() -> None:
    """Part a copy's random numbers from its siblings': NumPy's global generator is forked as it stands."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
