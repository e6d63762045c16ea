"""Serve HTTP: `python -m rest_api`. SIGTERM and SIGINT drain; a second one hurries."""

import asyncio
import sys

from database import Database
from qserver.broker import connect
from qserver.collector import spare_what_is_loaded
from qserver.settings import Settings
from qserver.starting import run_service
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


if __name__ == "__main__":
    sys.exit(run_service("rest_api", _run))
