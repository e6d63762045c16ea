"""Keep the house clean: `python -m janitor`. SIGTERM and SIGINT end it after the present batch.

QSERVER_JANITOR_INTERVAL_SECONDS=0 makes one pass, for those who have a cron of their own.
"""

import signal
import sys
from queue import SimpleQueue

from database import Database
from janitor.service import Janitor
from qserver.errors import QServerError
from qserver.settings import Settings
from qserver.starting import run_service


def _run(settings: Settings) -> None:
    # Putting into this queue is safe from a signal handler; setting an Event that the main thread waits for is not.
    endings = SimpleQueue[QServerError | None]()
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


if __name__ == "__main__":
    sys.exit(run_service("janitor", _run))
