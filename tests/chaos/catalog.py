"""All faults, in the order in which they strike, and those that can strike here."""

from collections.abc import Sequence

from tests.chaos.ground import Fault, Ground
from tests.chaos.link_faults import Harm, LinkHarmed
from tests.chaos.process_faults import ForkserversKilled, ServiceKilled, SimulatorsKilled, WorkerFrozen
from tests.chaos.server_faults import DiskFull, PostgresStopped, RabbitMQEmptied, RabbitMQStopped

FAULTS: Sequence[Fault] = (
    ServiceKilled("worker-0"),
    SimulatorsKilled("worker-1"),
    RabbitMQEmptied(with_queues=False),
    ServiceKilled("jobs_server"),
    LinkHarmed("workers_to_postgres", Harm.CUT, 4),
    PostgresStopped("fast"),
    ForkserversKilled("worker-0"),
    ServiceKilled("rest_api"),
    LinkHarmed("anyone_to_jobs_server", Harm.CUT, 2),
    RabbitMQStopped(is_killed=False),
    WorkerFrozen("worker-1"),
    PostgresStopped("immediate"),
    SimulatorsKilled("jobs_server"),
    LinkHarmed("services_to_postgres", Harm.SLOWED, 5),
    ForkserversKilled("jobs_server"),
    DiskFull(),
    ServiceKilled("janitor"),
    RabbitMQEmptied(with_queues=True),
    LinkHarmed("workers_to_rabbitmq", Harm.CUT, 4),
    ServiceKilled("worker-1"),
    LinkHarmed("services_to_postgres", Harm.STALLED, 5),
    RabbitMQStopped(is_killed=True),
    PostgresStopped("killed"),
    LinkHarmed("services_to_rabbitmq", Harm.STALLED, 5),
)


def possible_faults(ground: Ground) -> Sequence[Fault]:
    """Give those that can strike on this machine."""
    return [fault for fault in FAULTS if ground.disk is not None or not isinstance(fault, DiskFull)]
