"""Run a service and start it anew whenever a file of the code changes: `python reload.py worker`. For development."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_SECONDS = 1.0
FOLDERS = ("qserver", "database", "plugins", "jobs_server", "rest_api", "worker", "janitor")


def newest_change() -> float:
    """Give the time of the latest change of any file of the code."""
    files = (path for folder in FOLDERS for path in Path(folder).rglob("*.py"))
    return max((path.stat().st_mtime for path in files if path.exists()), default=0.0)


def main() -> int:
    """Run the module that is named until a signal ends us; its exit status where it ends by itself is only told."""
    module = sys.argv[1]
    is_ending = False

    def end(number: int, _frame: object) -> None:
        nonlocal is_ending
        is_ending = True
        process.send_signal(number)

    while not is_ending:
        seen = newest_change()
        process = subprocess.Popen([sys.executable, "-m", module], env=os.environ)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        while process.poll() is None and (is_ending or newest_change() == seen):
            time.sleep(LOOK_SECONDS)
        if process.poll() is None:
            print(f"reload: the code has changed, {module} starts anew", flush=True)
            process.terminate()
        elif not is_ending:
            print(f"reload: {module} ended with status {process.returncode}; waiting for a change", flush=True)
            while not is_ending and newest_change() == seen:
                time.sleep(LOOK_SECONDS)
        process.wait()
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
