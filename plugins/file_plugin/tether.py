"""Run a command that ends when its starter does, however that ends. A script of the standard library alone.

    python -I tether.py STARTER_PID COMMAND [ARGUMENT...]

The caller starts it in a session of its own, so that killing the process group takes what the command started too.
A killed starter can't kill anything; the kernel's parent-death signal does it in its place.
"""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


def _kill_group(*_: object) -> None:
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    """Give the command's exit status."""
    starter, *command = sys.argv[1:]
    signal.signal(signal.SIGTERM, _kill_group)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(starter):  # it died before the signal was arranged
        return 1
    return subprocess.call(command)  # noqa: S603 - the starter's own command line


if __name__ == "__main__":
    sys.exit(main())
