"""The Celery application, as a capable engineer writes and tunes it: durable, and quick where that loses nothing."""

from celery import Celery
from kombu import Queue

from bench.peers.aer import run_task
from bench.tasks import Task

QUEUE = "circuits"
PROCESSES = 2
_PREFETCHED_TASKS_A_PROCESS = 64

RUN_CIRCUIT = "run_circuit"


def create_application(broker_url: str, database_url: str) -> Celery:
    """Build it. `database_url` is SQLAlchemy's."""
    application = Celery("circuits", broker=broker_url, backend=f"db+{database_url}")
    application.conf.update(
        task_default_queue=QUEUE,
        task_queues=[Queue(QUEUE, durable=True)],
        task_default_delivery_mode="persistent",
        broker_transport_options={"confirm_publish": True},  # else a submission may be lost after it was answered
        broker_pool_limit=32,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=_PREFETCHED_TASKS_A_PROCESS,
        worker_concurrency=PROCESSES,
        worker_pool="prefork",
        # Nobody looks at these, and each costs a message or a statement a task.
        worker_send_task_events=False,
        task_send_sent_event=False,
        task_track_started=False,
        worker_disable_rate_limits=True,
        result_extended=False,
        result_expires=None,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        database_engine_options={"pool_pre_ping": False},  # a write by a lost connection is tried again anyway
        database_short_lived_sessions=False,  # a connection for each process, kept
    )
    application.task(run_circuit, name=RUN_CIRCUIT)
    return application


def run_circuit(source: str, shots: int, observables: list[list[tuple[str, float]]]) -> dict[str, object]:
    """Run a circuit and give what JSON can hold of its outcome."""
    outcome = run_task(Task(source, shots, observables))
    return {"counts": outcome.counts, "quasi_dist": outcome.quasi_dist, "expval": outcome.expval}
