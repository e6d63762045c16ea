"""Serve HTTP: `python -m rest_api`. SIGTERM and SIGINT drain; a second one hurries."""

import asyncio
import sys

from database import Database
from qserver.broker import connect
from qserver.collector import spare_what_is_loaded
from qserver.errors import QServerError
from qserver.logs import configure_logs
from qserver.sandbox.prctl import hide_from_others
from qserver.settings import Settings, load_settings
from qserver.stopping import serve_until_told
from rest_api.service import RestApi


def _run(settings: Settings) -> None:
    database = Database.open(settings.database)
    broker = connect(settings.broker)
    try:
        service = RestApi(settings, database, broker_probe=broker.ping)
        spare_what_is_loaded()
        asyncio.run(serve_until_told(service))
    finally:
        broker.close()
        database.close()


def main() -> int:
    """Serve, and give the exit status: 0, or 1 where the service could not start."""
    hide_from_others()
    try:
        settings = load_settings()
        configure_logs("rest_api", settings.logs)
        _run(settings)
    except QServerError as error:
        print(f"rest_api: {error}", file=sys.stderr)  # noqa: T201 - the log may not be configured yet
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
