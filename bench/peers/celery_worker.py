"""`python -m bench.peers.celery_worker`: serve the Celery application at the addresses in the environment."""

import os

from bench.peers.celery_application import create_application

BROKER_VARIABLE = "BENCH_CELERY_BROKER_URL"
DATABASE_VARIABLE = "BENCH_CELERY_DATABASE_URL"


def main() -> None:
    """Serve until SIGTERM."""
    application = create_application(os.environ[BROKER_VARIABLE], os.environ[DATABASE_VARIABLE])
    application.worker_main(
        ["worker", "--loglevel=WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    )


if __name__ == "__main__":
    main()
