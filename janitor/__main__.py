"""Keep the house clean: `python -m janitor`. SIGTERM and SIGINT end it after the present batch.

QSERVER_JANITOR_INTERVAL_SECONDS=0 makes one pass, for those who have a cron of their own.
"""

import signal
import sys
from queue import SimpleQueue

from database import Database
from janitor.service import Janitor
from qserver.errors import QServerError
from qserver.logs import configure_logs
from qserver.sandbox.prctl import hide_from_others
from qserver.settings import Settings, load_settings


def _run(settings: Settings) -> None:
    # Putting into this queue is safe from a signal handler; setting an Event that the main thread waits for is not.
    endings: SimpleQueue[QServerError | None] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: endings.put(None))
    database = Database.open(settings.database)
    try:
        janitor = Janitor(settings, database)
        janitor.start(on_end=endings.put)
        error = endings.get()
        janitor.stop()
    finally:
        database.close()
    if error is not None:
        raise error


def main() -> int:
    """Clean, and give the exit status: 0, or 1 where it could not be done."""
    hide_from_others()
    try:
        settings = load_settings()
        configure_logs("janitor", settings.logs)
        _run(settings)
    except QServerError as error:
        print(f"janitor: {error}", file=sys.stderr)  # noqa: T201 - the log may not be configured yet
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
