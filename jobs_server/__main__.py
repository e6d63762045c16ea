"""Serve gRPC: `python -m jobs_server`. SIGTERM and SIGINT drain; a second one hurries."""

import asyncio
import sys

from database import Database
from jobs_server.service import JobsServer
from plugins.registry import PRELOADED_MODULES
from qserver.broker import connect
from qserver.collector import spare_what_is_loaded
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import Settings
from qserver.starting import run_service
from qserver.stopping import serve_until_told


def _run(settings: Settings) -> None:
    database = Database.open(settings.database)
    broker = connect(settings.broker)
    try:
        with Forkserver(preload=PRELOADED_MODULES) as forkserver:
            forkserver.start()
            spare_what_is_loaded()
            asyncio.run(serve_until_told(JobsServer(settings, database, broker, forkserver)))
    finally:
        broker.close()
        database.close()


if __name__ == "__main__":
    sys.exit(run_service("jobs_server", _run))
