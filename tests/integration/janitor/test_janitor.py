"""Passes over real databases of both kinds."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from database import Database
from database.people_records import NewKey
from database.records import PluginKind, PluginRecord, Removal
from janitor.service import Janitor
from qserver.access.keys import hash_key, make_key
from qserver.errors import NotFound, Reason, Unavailable
from qserver.identity import ANONYMOUS, EVERYTHING, Role
from qserver.jobs import JobStatus
from qserver.plugin_folder import Slot
from qserver.settings import DatabaseSettings
from tests.integration.janitor import jobs
from tests.integration.janitor.conftest import SettingsMaker
from tests.waiting import wait_until

AT_ONCE = 1e-9
"""Days: what is older than 86 microseconds is old."""


def removed(removals: Sequence[Removal]) -> dict[str, int]:
    return {removal.kind: removal.count for removal in removals if removal.count}


def status_of(database: Database, job_id: UUID) -> JobStatus:
    with database.reading() as transaction:
        return transaction.jobs.get(job_id, ANONYMOUS).status


def test_nothing_goes_where_everything_is_kept(database: Database, make_settings: SettingsMaker) -> None:
    jobs.finish(database, 3)

    removals = Janitor(make_settings(), database).run_once()

    assert removed(removals) == {}


def test_each_kind_goes_by_its_own_setting(database: Database, make_settings: SettingsMaker) -> None:
    [job_id] = jobs.finish(database)

    removals = Janitor(make_settings(keep_results_days=AT_ONCE), database).run_once()

    assert removed(removals) == {"results": 1}
    assert status_of(database, job_id) is JobStatus.FINISHED
    with database.reading() as transaction, pytest.raises(NotFound):
        transaction.results.get(job_id, ANONYMOUS)


def test_worthless_keys_go_by_their_setting(database: Database, make_settings: SettingsMaker) -> None:
    with database.transaction() as transaction:
        ada = transaction.users.add("ada", Role.USER)
        key = NewKey(hash_key(make_key()), ada.id, "laptop", EVERYTHING, datetime(2020, 1, 1, tzinfo=UTC))
        transaction.keys.add(key)

    removals = Janitor(make_settings(keep_keys_days=1), database).run_once()

    assert removed(removals) == {"keys": 1}


def test_a_circuit_goes_in_the_pass_that_removed_the_last_that_needed_it(
    database: Database, make_settings: SettingsMaker
) -> None:
    jobs.finish(database, 2)
    settings = make_settings(keep_jobs_days=AT_ONCE, keep_history_days=AT_ONCE, keep_circuits_days=AT_ONCE)

    removals = Janitor(settings, database).run_once()

    assert removed(removals) == {"jobs": 2, "history": 2, "circuits": 2}


def test_history_outlives_its_jobs(database: Database, make_settings: SettingsMaker) -> None:
    jobs.finish(database, 2)

    Janitor(make_settings(keep_jobs_days=AT_ONCE, keep_circuits_days=AT_ONCE), database).run_once()

    with database.reading() as transaction:
        rows = transaction.history.list(ANONYMOUS, limit=10, offset=0)
        assert transaction.jobs.list(ANONYMOUS, limit=10) == []
    assert len(rows) == 2
    assert all(row.source is not None for row in rows)


def test_the_newest_are_kept_by_number(database: Database, make_settings: SettingsMaker) -> None:
    job_ids = [jobs.finish(database)[0] for _ in range(5)]

    removals = Janitor(make_settings(keep_jobs_count=2), database).run_once()

    assert removed(removals) == {"jobs": 3}
    with database.reading() as transaction:
        assert [job.id for job in transaction.jobs.list(ANONYMOUS, limit=10)] == job_ids[3:]


def test_more_than_a_batch_goes_in_one_pass(database: Database, make_settings: SettingsMaker) -> None:
    jobs.finish(database, 1003)

    removals = Janitor(make_settings(keep_jobs_days=AT_ONCE), database).run_once()

    assert removed(removals) == {"jobs": 1003}


def test_jobs_that_wait_or_run_are_never_removed(database: Database, make_settings: SettingsMaker) -> None:
    waiting, running = jobs.submit(database, 2)
    jobs.claim(database, [running])
    everything = {f"keep_{kind}_days": AT_ONCE for kind in ("results", "jobs", "history", "circuits", "events")}

    removals = Janitor(make_settings(**everything), database).run_once()

    assert removed(removals) == {}
    assert status_of(database, waiting) is JobStatus.PENDING
    assert status_of(database, running) is JobStatus.RUNNING


def test_a_dry_run_tells_what_would_go_and_changes_nothing(database: Database, make_settings: SettingsMaker) -> None:
    jobs.finish(database, 3)
    [held] = jobs.submit(database)
    jobs.claim(database, [held], lease_seconds=0.001)
    dry = make_settings(keep_jobs_days=AT_ONCE, keep_results_days=AT_ONCE, janitor_dry_run=True)

    first, second = Janitor(dry, database).run_once(), Janitor(dry, database).run_once()

    assert removed(first) == {"results": 3, "jobs": 3}
    assert second == first
    assert status_of(database, held) is JobStatus.RUNNING


@pytest.mark.parametrize(
    "keeping",
    [
        {"keep_jobs_days": AT_ONCE, "keep_history_days": AT_ONCE},
        {"keep_jobs_count": 2, "keep_history_count": 1},
        {"keep_jobs_days": AT_ONCE, "keep_history_days": 0},
        {"keep_jobs_days": 0, "keep_history_days": AT_ONCE},
    ],
)
def test_a_dry_run_tells_what_a_pass_removes(
    database: Database, make_settings: SettingsMaker, keeping: dict[str, float]
) -> None:
    jobs.finish(database, 3)
    jobs.submit(database)
    keeping = {"keep_circuits_days": AT_ONCE, "keep_events_days": AT_ONCE, "keep_results_count": 1, **keeping}

    told = Janitor(make_settings(**keeping, janitor_dry_run=True), database).run_once()
    done = Janitor(make_settings(**keeping), database).run_once()

    assert removed(told) == removed(done)
    assert removed(done)["events"] == 9


def test_a_lease_that_nobody_renews_is_given_back(database: Database, make_settings: SettingsMaker) -> None:
    [job_id] = jobs.submit(database)
    jobs.claim(database, [job_id], lease_seconds=0.001)
    janitor = Janitor(make_settings(), database)

    def is_given_back() -> bool:
        janitor.run_once()
        return status_of(database, job_id) is JobStatus.PENDING

    wait_until(is_given_back, timeout_seconds=10, what="the job waits again")


def test_a_job_that_waited_too_long_fails(database: Database, make_settings: SettingsMaker) -> None:
    [job_id] = jobs.submit(database, expires_at=jobs.soon())
    janitor = Janitor(make_settings(), database)

    def has_failed() -> bool:
        janitor.run_once()
        return status_of(database, job_id) is JobStatus.FAILED

    wait_until(has_failed, timeout_seconds=10, what="the job has failed")
    with database.reading() as transaction:
        assert transaction.jobs.get(job_id, ANONYMOUS).reason is Reason.EXPIRED


def test_a_job_stored_while_its_plugin_was_removed_fails(database: Database, make_settings: SettingsMaker) -> None:
    with database.transaction() as transaction:
        transaction.plugins.remove("aer")
    [job_id] = jobs.submit(database)

    Janitor(make_settings(), database).run_once()

    with database.reading() as transaction:
        assert transaction.jobs.get(job_id, ANONYMOUS).reason is Reason.PLUGIN_UNAVAILABLE


def test_passes_side_by_side_remove_everything_once(database: Database, make_settings: SettingsMaker) -> None:
    jobs.finish(database, 600)
    settings = make_settings(keep_jobs_days=AT_ONCE, keep_history_days=AT_ONCE, keep_circuits_days=AT_ONCE)

    with ThreadPoolExecutor(4) as executor:
        passes = list(executor.map(lambda _: Janitor(settings, database).run_once(), range(4)))

    last = Janitor(settings, database).run_once()
    totals = {kind: sum(removed(each).get(kind, 0) for each in [*passes, last]) for kind in ("jobs", "history")}
    assert totals == {"jobs": 600, "history": 600}


def test_environments_of_deleted_plugins_go_and_those_of_registered_ones_stay(
    database: Database, make_settings: SettingsMaker, tmp_path: Path
) -> None:
    record = PluginRecord("aer-plugin", PluginKind.FILE, "0.0.2", datetime.now(UTC), distribution="aer-plugin")
    with database.transaction() as transaction:
        transaction.plugins.register(record, [])
    slot = Slot.acquire(tmp_path / "plugins")
    (slot.folder / "aer-plugin-0.0.2").mkdir()
    (slot.folder / "gone-plugin-1.0").mkdir()
    slot.close()

    removals = Janitor(make_settings(), database).run_once()

    assert removed(removals) == {"environments": 1}
    assert [path.name for path in slot.environments()] == ["aer-plugin-0.0.2"]


def test_a_stopped_janitor_ends_between_passes(database: Database, make_settings: SettingsMaker) -> None:
    jobs.finish(database)
    janitor = Janitor(make_settings(keep_jobs_days=AT_ONCE, janitor_interval_seconds=3600), database)

    janitor.start()
    wait_until(lambda: _no_jobs(database), timeout_seconds=20, what="the first pass is over")
    janitor.stop()

    assert janitor._thread is not None
    assert not janitor._thread.is_alive()


def test_without_an_interval_there_is_one_pass(database: Database, make_settings: SettingsMaker) -> None:
    endings: list[object] = []
    janitor = Janitor(make_settings(janitor_interval_seconds=0), database)

    janitor.start(on_end=endings.append)

    wait_until(lambda: bool(endings), timeout_seconds=20, what="it ended by itself")
    assert endings == [None]
    janitor.stop()


def _no_jobs(database: Database) -> bool:
    with database.reading() as transaction:
        return not transaction.jobs.list(ANONYMOUS, limit=1)


def test_a_database_that_is_not_there_is_told(make_settings: SettingsMaker, tmp_path: Path) -> None:
    missing = SecretStr(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    database = Database.open(DatabaseSettings(database_url=missing))

    with pytest.raises(Unavailable):
        Janitor(make_settings(), database).run_once()

    database.close()


def test_a_database_that_is_not_there_is_looked_for_again(make_settings: SettingsMaker, tmp_path: Path) -> None:
    missing = SecretStr(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    database = Database.open(DatabaseSettings(database_url=missing))
    janitor = Janitor(make_settings(janitor_interval_seconds=0.01), database)

    with capture_logs() as logs:
        janitor.start()
        wait_until(lambda: len(logs) >= 2, timeout_seconds=20, what="two passes failed")
        janitor.stop()

    assert {event["event"] for event in logs} == {"janitor_pass_failed"}
    database.close()


def test_what_a_single_pass_died_of_is_handed_over(make_settings: SettingsMaker, tmp_path: Path) -> None:
    missing = SecretStr(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}")
    database = Database.open(DatabaseSettings(database_url=missing))
    endings: list[object] = []
    janitor = Janitor(make_settings(janitor_interval_seconds=0), database)

    janitor.start(on_end=endings.append)
    janitor.stop()

    assert isinstance(endings[0], Unavailable)
    database.close()
