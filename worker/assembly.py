"""The parts of a worker, put together from settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from uuid import UUID

import structlog

from database import Database
from plugins.file_plugin.installer import FilePluginHost
from qserver.broker.interface import Broker
from qserver.clock import Clock
from qserver.errors import QServerError, SettingsError
from qserver.pulse import Pulse
from qserver.sandbox.forkserver import Forkserver
from qserver.sandbox.limits import Limits
from qserver.settings import Settings
from worker.backoff import Backoff
from worker.board import Board
from worker.capacity import Capacity
from worker.description import Description, identify
from worker.file_plugins import FilePlugins
from worker.groups import GroupLimits, Lane
from worker.heartbeat import Heartbeat
from worker.leases import LeaseKeeper
from worker.metrics import Metrics
from worker.processes import LaneProcesses
from worker.program import Program
from worker.puller import Puller, PullSettings
from worker.results import Storer
from worker.selftest import InspectingProcess, SelfTest, plugin_for_test
from worker.simulator import Proof, RunSettings, Simulator
from worker.slot import Slot
from worker.watchdog import Watchdog

log = structlog.get_logger(__name__)

MAX_GROUP_BYTES = 16 * 1024 * 1024
"""Circuits, observables and noise models sent to a simulator in one message."""

HELD_BATCHES_A_PLACE = 4
"""Batches for each simulator that may be held at once, those included whose results wait to be stored."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker is built upon."""

    worker_id: UUID
    settings: Settings
    database: Database
    broker: Broker
    forkserver: Forkserver
    program: Program
    capacity: Capacity
    clock: Clock
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that have threads, and what they share."""

    board: Board
    storer: Storer
    watchdog: Watchdog
    leases: LeaseKeeper
    heartbeat: Heartbeat
    heartbeat_due: Event  # set to tell everybody now
    file_plugins: FilePlugins | None
    slots: Sequence[Slot]
    pullers: Sequence[Puller]


def assemble(around: Surroundings) -> Parts:
    """Build all parts; nothing runs yet."""
    settings, capacity = around.settings, around.capacity
    max_held_jobs = settings.dispatcher.batch_jobs * capacity.places * HELD_BATCHES_A_PLACE
    board = Board(capacity, around.clock, max_held_jobs=max_held_jobs)
    storer = Storer(around.database, board, around.clock, backoff=Backoff(), metrics=around.metrics)
    around.metrics.watch(board, capacity)
    watchdog = Watchdog(board, around.clock)
    heartbeat_due = Event()
    file_plugins = _file_plugins(around, heartbeat_due) if settings.plugins.serve_file_plugins else None
    description = _description(around, board, file_plugins)
    return Parts(
        board=board,
        storer=storer,
        watchdog=watchdog,
        leases=_lease_keeper(around, board, watchdog),
        heartbeat_due=heartbeat_due,
        heartbeat=Heartbeat(
            around.database,
            description.record,
            interval_seconds=settings.worker.heartbeat_seconds,
            due=heartbeat_due,
            pulse=Pulse(settings.health.pulse_file),
        ),
        file_plugins=file_plugins,
        slots=_slots(around, board, storer, file_plugins),
        pullers=_pullers(around, board, storer, description),
    )


def gpu_works(around: Surroundings) -> bool:
    """Tell whether the GPU that was found can be computed on: engines list devices that they can't use."""
    simulator = _simulator(around, Lane.GPU, None)
    try:
        simulator.prove()
    except QServerError as error:
        log.warning("gpu_not_used", error=error.message)
        return False
    finally:
        simulator.close()
    return True


def lanes(capacity: Capacity) -> Sequence[Lane]:
    """Name the lane of each simulator: one a place, one that has all cores to itself, and one for the GPU."""
    return (*[Lane.NARROW] * capacity.places, Lane.WIDE, *([Lane.GPU] if capacity.has_gpu else []))


def _file_plugins(around: Surroundings, heartbeat_due: Event) -> FilePlugins:
    due = Event()
    limits = Limits(memory_bytes=around.capacity.memory_bytes)
    try:
        host = FilePluginHost(around.settings.plugins, around.forkserver, limits=limits, on_change=due.set)
    except OSError as error:
        folder = around.settings.plugins.plugin_folder
        raise SettingsError(f"the plugin folder {folder} (QSERVER_PLUGIN_FOLDER) can't be used: {error}") from error
    return FilePlugins(
        host,
        around.database,
        worker_id=around.worker_id,
        live_within_seconds=around.settings.worker.live_within_seconds,
        due=due,
        on_change=heartbeat_due.set,
    )


def _description(around: Surroundings, board: Board, file_plugins: FilePlugins | None) -> Description:
    return Description(
        identify(around.worker_id, around.settings),
        capacity=around.capacity,
        settings=around.settings,
        built_in=[plugin.name for plugin in around.program.registry.plugins],
        lacking_engines=around.program.registry.lacking_engines,
        file_plugins=file_plugins,
        board=board,
    )


def _lease_keeper(around: Surroundings, board: Board, watchdog: Watchdog) -> LeaseKeeper:
    return LeaseKeeper(
        worker_id=around.worker_id,
        database=around.database,
        board=board,
        watchdog=watchdog,
        settings=around.settings.lease,
        poll_seconds=around.settings.worker.cancel_poll_seconds,
        clock=around.clock,
        backoff=Backoff(),
    )


def _slots(around: Surroundings, board: Board, storer: Storer, file_plugins: FilePlugins | None) -> Sequence[Slot]:
    return [
        Slot(lane, simulator=_simulator(around, lane, file_plugins), board=board, storer=storer, clock=around.clock)
        for lane in lanes(around.capacity)
    ]


def _simulator(around: Surroundings, lane: Lane, file_plugins: FilePlugins | None) -> Simulator:
    limits = around.settings.limits
    processes = LaneProcesses(
        around.forkserver,
        entry=around.program.entry,
        lane=lane,
        capacity=around.capacity,
        spawn_file_plugin=file_plugins.spawn if file_plugins else None,
    )
    run_settings = RunSettings(longest_seconds=limits.max_time_limit_seconds, result_bytes=limits.max_result_bytes)
    return Simulator(processes, _proof(around, lane), around.capacity, run_settings)


def _proof(around: Surroundings, lane: Lane) -> Proof:
    plugin = plugin_for_test(around.program.registry.plugins)
    return SelfTest(plugin, lane=lane, capacity=around.capacity) if plugin else _take_on_trust


def _take_on_trust(process: InspectingProcess) -> None:
    """Pass: none of the plugins reads OpenQASM 2 and gives counts, so nobody knows what to ask them."""


def _pullers(around: Surroundings, board: Board, storer: Storer, description: Description) -> Sequence[Puller]:
    dispatcher = around.settings.dispatcher
    limits = GroupLimits(jobs=dispatcher.batch_jobs, seconds=dispatcher.batch_seconds, bytes=MAX_GROUP_BYTES)
    return [
        Puller(
            around.broker.consumer(description.claimant(gpu=gpu).routes),
            database=around.database,
            board=board,
            storer=storer,
            claimant=partial(description.claimant, gpu=gpu),
            batch_key=around.program.batch_key,
            settings=PullSettings(limits=limits, lease_seconds=around.settings.lease.lease_seconds, gpu=gpu),
            backoff=Backoff(),
        )
        for gpu in ([False, True] if around.capacity.has_gpu else [False])
    ]
