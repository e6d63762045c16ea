"""Serve everything from one process: `python -m standalone up`, or `demo` to see circuits run."""

import os
import sys

from doctor import program as doctor
from standalone.options import parse_options

_INTERRUPTED = 130  # what shells give for a program that Ctrl-C ended


def main() -> int:
    """Do what the command line says, and give the exit status: 0, or 1 where something could not be done."""
    if sys.argv[1:2] == ["doctor"]:
        return doctor.main(sys.argv[2:])
    options = parse_options(sys.argv[1:])
    os.umask(0o077)  # data, logs and plugins are for who started it, whatever the mode of the folder they go into
    print(f"Starting; data in {options.data_folder}", flush=True)
    try:
        # Loading all services takes seconds: a person sees that something happens, and may think better of it.
        from standalone.session import serve  # noqa: PLC0415

        return serve(options)
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
