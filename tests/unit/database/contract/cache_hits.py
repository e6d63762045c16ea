"""Which jobs a stored result answers, and which are run."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from database import Database
from database.jobs import cached
from database.tables import results
from qserver.identity import ANONYMOUS
from qserver.jobs import JobStatus, Observable, PauliTerm, RunRequest
from qserver.results import ResultType
from tests.unit.database.builders import JobBuilder, a_finished_job, a_lease, a_result, a_user, submitted
from tests.unit.database.contract.caching import result_of, run_and_finished, waiting

EQUAL = JobBuilder(cache=True)
COUNTS = RunRequest("aer", frozenset({ResultType.COUNTS}))
ZZ, XX = (Observable((PauliTerm(pauli, 1.0),)) for pauli in ("ZZ", "XX"))


class TestCacheHits:
    @pytest.mark.parametrize(
        "other",
        [
            replace(EQUAL, source=b"OPENQASM 2.0; // other"),
            replace(EQUAL, shots=999),
            replace(EQUAL, plugin_version="2"),
            replace(EQUAL, plugin="other"),
            replace(EQUAL, run=replace(COUNTS, backend="aer_statevector")),
            replace(EQUAL, run=replace(COUNTS, seed=7)),
            replace(EQUAL, run=replace(COUNTS, precision=0.1)),
            replace(EQUAL, run=replace(COUNTS, options={"device": "CPU"})),
            replace(EQUAL, run=replace(COUNTS, observables=(ZZ,))),
            replace(EQUAL, run=replace(COUNTS, result_types=frozenset({ResultType.MEMORY}))),
            replace(EQUAL, cache=False),
        ],
    )
    def test_another_job_is_run(self, database: Database, other: JobBuilder) -> None:
        a_finished_job(database, EQUAL)

        (job,) = submitted(database, other)

        assert job.status is JobStatus.PENDING
        assert waiting(database) == 1

    def test_the_order_of_observables_matters(self, database: Database) -> None:
        expval = replace(COUNTS, result_types=frozenset({ResultType.EXPVAL}), observables=(ZZ, XX))
        a_finished_job(database, replace(EQUAL, run=expval))

        (turned,) = submitted(database, replace(EQUAL, run=replace(expval, observables=(XX, ZZ))))

        assert turned.status is JobStatus.PENDING

    @pytest.mark.parametrize(
        "same",
        [
            replace(EQUAL, priority=9, request_id="mine", route="large", max_attempts=1),
            replace(EQUAL, run=replace(COUNTS, metadata={"name": "the second"})),
        ],
    )
    def test_what_decides_no_result_does_not_matter(self, database: Database, same: JobBuilder) -> None:
        a_finished_job(database, EQUAL)

        (job,) = submitted(database, same)

        assert job.status is JobStatus.FINISHED
        assert job.request == same.build().request

    def test_a_job_that_did_not_ask_for_it_lends_no_result(self, database: Database) -> None:
        a_finished_job(database, replace(EQUAL, cache=False))

        (job,) = submitted(database, EQUAL)

        assert job.status is JobStatus.PENDING

    def test_nobody_sees_anybody_elses_result(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        first = a_finished_job(database, replace(EQUAL, owner=ada))

        bobs, anonymous, adas = submitted(database, replace(EQUAL, owner=bob), EQUAL, replace(EQUAL, owner=ada))

        assert [job.status for job in (bobs, anonymous)] == [JobStatus.PENDING] * 2
        assert adas.status is JobStatus.FINISHED
        assert result_of(database, adas.id).results[0].run.cached_from == first

    def test_a_removed_result_answers_nobody(self, database: Database) -> None:
        a_finished_job(database, EQUAL)
        with database.transaction() as transaction:
            transaction.retention.remove_old_results(keep_days=1e-9)

        (job,) = submitted(database, EQUAL)

        assert job.status is JobStatus.PENDING

    def test_a_deleted_job_answers_nobody(self, database: Database) -> None:
        first = a_finished_job(database, EQUAL)
        with database.transaction() as transaction:
            transaction.jobs.delete(first, ANONYMOUS)

        (job,) = submitted(database, EQUAL)

        assert job.status is JobStatus.PENDING

    def test_a_job_under_way_is_not_waited_for(self, database: Database) -> None:
        a_lease(database, EQUAL)

        jobs = submitted(database, EQUAL, EQUAL)

        assert [job.status for job in jobs] == [JobStatus.PENDING] * 2

    def test_hits_and_misses_of_one_call_are_told_apart(self, database: Database) -> None:
        ghz = replace(EQUAL, source=b"ghz")
        bell_id = run_and_finished(database, EQUAL, a_result(zeros=1))
        ghz_id = run_and_finished(database, ghz, a_result(zeros=2))

        jobs = submitted(database, ghz, replace(EQUAL, shots=1), EQUAL, JobBuilder(), ghz)

        statuses = [JobStatus.FINISHED, JobStatus.PENDING, JobStatus.FINISHED, JobStatus.PENDING, JobStatus.FINISHED]
        assert [job.status for job in jobs] == statuses
        assert [job.pointer for job in jobs] == sorted(job.pointer for job in jobs)
        origins = [result_of(database, jobs[place].id).results[0].run.cached_from for place in (0, 2, 4)]
        assert origins == [ghz_id, bell_id, ghz_id]
        assert waiting(database) == 2

    def test_results_past_what_a_transaction_copies_are_run(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = a_finished_job(database, EQUAL)
        with database._engine.connect() as connection:
            size_bytes = connection.execute(select(results.c.size_bytes).where(results.c.job_id == first)).scalar_one()
        monkeypatch.setattr(cached, "MOST_COPIED_BYTES", 2 * size_bytes)

        jobs = submitted(database, EQUAL, EQUAL, EQUAL)

        assert [job.status for job in jobs] == [JobStatus.FINISHED, JobStatus.FINISHED, JobStatus.PENDING]
