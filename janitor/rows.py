"""What the database no longer needs to keep, kind by kind."""

from collections.abc import Callable, Iterator

from database import Database
from database.records import Removal
from database.retention import Keeping, Retention
from qserver.settings import JanitorSettings

LOST_WORKER_DAYS = 1.0
"""A worker that has not been heard of for so long will not come back under its id: a new start makes a new one."""


class RowSweeper:
    """Removes rows batch by batch, each in a transaction of its own, so that nobody waits long for a lock."""

    def __init__(self, database: Database, settings: JanitorSettings, *, is_stopping: Callable[[], bool]) -> None:
        """Ask `is_stopping` between batches: what is left then is for the next pass."""
        self._database = database
        self._settings = settings
        self._is_stopping = is_stopping

    def sweep(self) -> Iterator[Removal]:
        """Tell what was removed of each kind, or would be in a dry run. Raises Unavailable.

        What depends on others comes before them: a circuit is unused once its jobs and history are gone.
        """
        for remove in (
            self._results,
            self._events,
            self._jobs,
            self._history,
            self._circuits,
            self._noise_models,
            self._workers,
            self._audit,
            self._keys,
        ):
            yield self._in_batches(remove)

    def _in_batches(self, remove: Callable[[Retention], Removal]) -> Removal:
        batch = self._batch(remove)
        count = batch.count
        while batch.count and batch.may_be_more and not self._is_stopping():
            batch = self._batch(remove)
            count += batch.count
        return Removal(batch.kind, count)

    def _batch(self, remove: Callable[[Retention], Removal]) -> Removal:
        with self._database.transaction() as transaction:
            return remove(transaction.retention)

    def _results(self, retention: Retention) -> Removal:
        keep = self._settings
        return retention.remove_old_results(
            keep_days=keep.keep_results_days, keep_count=keep.keep_results_count, dry_run=keep.janitor_dry_run
        )

    def _events(self, retention: Retention) -> Removal:
        keep = self._settings
        return retention.remove_old_events(keep_days=keep.keep_events_days, dry_run=keep.janitor_dry_run)

    def _jobs(self, retention: Retention) -> Removal:
        keep = self._settings
        return retention.remove_old_jobs(
            keep_days=keep.keep_jobs_days, keep_count=keep.keep_jobs_count, dry_run=keep.janitor_dry_run
        )

    def _history(self, retention: Retention) -> Removal:
        keep = self._settings
        return retention.remove_old_history(
            keep_days=keep.keep_history_days, keep_count=keep.keep_history_count, dry_run=keep.janitor_dry_run
        )

    def _circuits(self, retention: Retention) -> Removal:
        keep = self._settings
        if not keep.janitor_dry_run:
            return retention.remove_unused_circuits(keep_days=keep.keep_circuits_days)
        return retention.count_unused_circuits(
            keep_days=keep.keep_circuits_days,
            keep_jobs=Keeping(keep.keep_jobs_days, keep.keep_jobs_count),
            keep_history=Keeping(keep.keep_history_days, keep.keep_history_count),
        )

    def _noise_models(self, retention: Retention) -> Removal:
        keep = self._settings
        if not keep.janitor_dry_run:
            return retention.remove_unused_noise_models(keep_days=keep.keep_circuits_days)
        return retention.count_unused_noise_models(
            keep_days=keep.keep_circuits_days, keep_jobs=Keeping(keep.keep_jobs_days, keep.keep_jobs_count)
        )

    def _workers(self, retention: Retention) -> Removal:
        return retention.remove_lost_workers(keep_days=LOST_WORKER_DAYS, dry_run=self._settings.janitor_dry_run)

    def _audit(self, retention: Retention) -> Removal:
        keep = self._settings
        return retention.remove_old_audit(keep_days=keep.keep_audit_days, dry_run=keep.janitor_dry_run)

    def _keys(self, retention: Retention) -> Removal:
        keep = self._settings
        return retention.remove_worthless_keys(keep_days=keep.keep_keys_days, dry_run=keep.janitor_dry_run)
