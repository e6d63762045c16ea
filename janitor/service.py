"""The janitor: one pass after the other over what need not be kept, and over jobs that nobody moves any more."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from uuid import UUID

import structlog

from database import Database, Transaction
from database.jobs import BATCH
from database.records import PluginKind, Removal
from janitor.files import remove_dead_environments, remove_old_logs
from janitor.rows import RowSweeper
from qserver.clock import Clock, SystemClock
from qserver.errors import QServerError, Unavailable
from qserver.plugin_folder import environment_name
from qserver.plugins import FilePluginPin
from qserver.pulse import Pulse
from qserver.settings import Settings

log = structlog.get_logger(__name__)


class Janitor:
    """Passes, one at a time. Safe beside the janitors of other processes, and safe to end at any point."""

    def __init__(self, settings: Settings, database: Database, *, clock: Clock | None = None) -> None:
        """Do nothing yet. The clock judges files alone; rows are judged by the database's."""
        self._settings = settings
        self._database = database
        self._clock = clock or SystemClock()
        self._pulse = Pulse(settings.health.pulse_file)
        self._stopping = Event()
        self._thread: Thread | None = None

    @property
    def _is_dry_run(self) -> bool:
        return self._settings.janitor.janitor_dry_run

    def run_once(self) -> tuple[Removal, ...]:
        """Make one pass; tell what was removed of each kind, or would be in a dry run.

        Raises Unavailable when the database doesn't answer; what was done until then stays done.
        """
        if not self._is_dry_run:
            self._move_stuck_jobs()
        removals = tuple(self._told(self._remove()))
        self._pulse.beat()
        log.info("janitor_pass_finished", dry_run=self._is_dry_run, removed=sum(each.count for each in removals))
        return removals

    def run(self) -> None:
        """Make passes until `stop`; a single one where the interval is 0.

        A database that doesn't answer is left to the next pass; the Unavailable of a single pass is raised.
        """
        interval_seconds = self._settings.janitor.janitor_interval_seconds
        if interval_seconds == 0:
            self.run_once()
            return
        while not self._stopping.is_set():
            try:
                self.run_once()
            except Unavailable as error:
                log.warning("janitor_pass_failed", error=error.message)
            self._stopping.wait(interval_seconds)

    def start(self, *, on_end: Callable[[QServerError | None], None] = lambda _: None) -> None:
        """Make passes in a thread. `on_end` is called in it once the last pass is over, with what `run` raised."""
        self._thread = Thread(target=self._serve, args=(on_end,), name="janitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the present batch, and wait for that where `start` was called. Safe to repeat."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self, on_end: Callable[[QServerError | None], None]) -> None:
        error: QServerError | None = QServerError("the janitor failed; its log has the trace")
        try:
            self.run()
            error = None
        except QServerError as raised:
            log.warning("janitor_pass_failed", error=raised.message)
            error = raised
        except Exception:
            log.exception("janitor_failed")
        finally:
            on_end(error)

    def _move_stuck_jobs(self) -> None:
        """Do what the dispatcher does every few seconds, in case there is none."""
        self._move("leases_expired", lambda transaction: transaction.jobs.expire_leases())
        self._move("waiting_jobs_expired", lambda transaction: transaction.jobs.expire_waiting())
        self._move("jobs_without_plugin", lambda transaction: transaction.jobs.fail_orphans())

    def _move(self, event: str, move: Callable[[Transaction], Sequence[UUID]]) -> None:
        while not self._stopping.is_set():
            with self._database.transaction() as transaction:
                jobs = move(transaction)
            if jobs:
                log.warning(event, jobs=len(jobs))
            if len(jobs) < BATCH:
                return

    def _remove(self) -> Iterator[Removal]:
        settings = self._settings
        yield remove_old_logs(
            settings.logs.log_folder,
            keep_days=settings.janitor.keep_logs_days,
            now=self._clock.now(),
            dry_run=self._is_dry_run,
        )
        yield from RowSweeper(self._database, settings.janitor, is_stopping=self._stopping.is_set).sweep()
        yield remove_dead_environments(
            settings.plugins.plugin_folder, registered=self._registered_environments(), dry_run=self._is_dry_run
        )

    def _told(self, removals: Iterator[Removal]) -> Iterator[Removal]:
        for removal in removals:
            if removal.count:
                log.info("janitor_removed", kind=removal.kind, count=removal.count, dry_run=self._is_dry_run)
            yield removal

    def _registered_environments(self) -> frozenset[str]:
        with self._database.reading() as transaction:
            plugins = transaction.plugins.list()
        return frozenset(
            environment_name(FilePluginPin(plugin.name, plugin.version))
            for plugin in plugins
            if plugin.kind is PluginKind.FILE
        )
