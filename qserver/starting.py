"""How services start: hidden from other processes, with settings and a log, and with a sentence where that fails."""

import sys
from collections.abc import Callable

from qserver.errors import QServerError
from qserver.logs import configure_logs
from qserver.sandbox.prctl import hide_from_others
from qserver.settings import Settings, load_settings


def run_service(name: str, run: Callable[[Settings], None]) -> int:
    """Run a service to its end, and give the exit status: 0, or 1 where it could not start or go on."""
    hide_from_others()
    try:
        settings = load_settings()
        configure_logs(name, settings.logs)
        run(settings)
    except QServerError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be configured yet
        return 1
    return 0
