"""Run the command line, and end with a status that means something."""

import os
import sys

from qserver.cli.exit_codes import ExitCode, exit_code_of
from qserver.errors import QServerError


def main() -> None:
    """Run `qserver`. Exits; a sentence on standard error says what went wrong."""
    # gRPC's own log would stand between our sentences; whoever wants it sets the variable.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from qserver.cli.app import app  # noqa: PLC0415 - Typer and Rich may be missing
    except ModuleNotFoundError as error:
        sys.stderr.write(f"qserver: {error.name} is not installed: pip install 'qserver-sdk[cli]'\n")
        sys.exit(ExitCode.USAGE)
    try:
        app()
    except QServerError as error:
        sys.stderr.write(f"qserver: {error}\n")
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)


if __name__ == "__main__":
    main()
