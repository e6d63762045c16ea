"""What is read of jobs, and by whom."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from database import Database
from database.records import PlainResult, ResultSummary
from database.result_documents import decode_result
from qserver.circuits import CircuitFormat
from qserver.errors import NotFound
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.jobs import JobStatus
from tests.unit.database.builders import (
    JobBuilder,
    a_finished_job,
    a_lease,
    a_result,
    a_user,
    claimed,
    finished,
    submitted,
)


class TestReading:
    def test_an_unknown_job_is_not_found(self, database: Database) -> None:
        job_id = uuid4()

        with database.reading() as transaction, pytest.raises(NotFound, match=str(job_id)):
            transaction.jobs.get(job_id, ANONYMOUS)

    def test_another_ones_job_is_not_found(self, database: Database) -> None:
        ada, eve = a_user(database, "ada"), a_user(database, "eve")
        job_id = a_finished_job(database, JobBuilder(owner=ada))

        with database.reading() as transaction:
            assert transaction.jobs.get(job_id, ada).id == job_id
            assert transaction.jobs.get(job_id, ANONYMOUS).id == job_id
            for look in (
                lambda: transaction.jobs.get(job_id, eve),
                lambda: transaction.jobs.detail(job_id, eve),
                lambda: transaction.jobs.events(job_id, eve, after_sequence=0),
                lambda: transaction.circuits.source(job_id, eve),
                lambda: transaction.results.get(job_id, eve),
            ):
                with pytest.raises(NotFound):
                    look()

    def test_a_job_that_goes_while_it_is_read_is_not_found(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id = a_finished_job(database)
        monkeypatch.setattr("database.jobs.reading.sources", lambda _work, _ids: {})  # as where its circuit went along

        with database.reading() as transaction:
            assert transaction.jobs.details(ANONYMOUS, limit=9, offset=0) == []
            with pytest.raises(NotFound, match=str(job_id)):
                transaction.jobs.detail(job_id, ANONYMOUS)

    def test_each_job_is_shown_with_its_owners_name(self, database: Database) -> None:
        ada, root = a_user(database, "ada"), a_user(database, "root", Role.ADMIN)
        mine, others = a_finished_job(database, JobBuilder(owner=root)), a_finished_job(database, JobBuilder(owner=ada))

        with database.reading() as transaction:
            for_root = transaction.jobs.details(root, limit=9, offset=0)
            for_ada = transaction.jobs.details(ada, limit=9, offset=0)
            history = transaction.history.list(root, limit=9, offset=0)
            detail = transaction.jobs.detail(others, root)
            names = transaction.jobs.owners([detail.job], root)

        assert [(each.job.id, each.owner) for each in for_root] == [(mine, "root"), (others, "ada")]
        assert [(each.job.id, each.owner) for each in for_ada] == [(others, "ada")]
        assert [(row.job_id, row.owner) for row in history] == [(mine, "root"), (others, "ada")]
        assert (detail.owner, names[ada.user_id]) == ("ada", "ada")

    def test_an_administrator_lists_the_jobs_of_one_user(self, database: Database) -> None:
        ada, eve, root = a_user(database, "ada"), a_user(database, "eve"), a_user(database, "root", Role.ADMIN)
        of_ada = [a_finished_job(database, JobBuilder(owner=ada)) for _ in range(2)]
        a_finished_job(database, JobBuilder(owner=eve))

        with database.reading() as transaction:

            def listed(caller: Identity, owner: str) -> list[list[UUID]]:
                jobs = transaction.jobs.list(caller, limit=9, owner=owner)
                details = transaction.jobs.details(caller, limit=9, offset=0, owner=owner)
                history = transaction.history.list(caller, limit=9, offset=0, owner=owner)
                return [[job.id for job in jobs], [each.job.id for each in details], [row.job_id for row in history]]

            assert listed(root, "ada") == listed(ada, "ada") == [of_ada] * 3
            assert listed(eve, "ada") == listed(root, "nobody") == [[]] * 3
            assert [job.id for job in transaction.jobs.list(root, limit=1, offset=1, owner="ada")] == of_ada[1:]

    def test_pages_follow_the_order_of_submission(self, database: Database) -> None:
        jobs = [job.id for job in submitted(database, *[JobBuilder()] * 5)]

        with database.reading() as transaction:
            pages = [transaction.jobs.list(ANONYMOUS, limit=2, offset=offset) for offset in (0, 2, 4, 6)]

        assert [[job.id for job in page] for page in pages] == [jobs[0:2], jobs[2:4], jobs[4:5], []]

    def test_of_named_jobs_those_are_given_that_the_caller_sees(self, database: Database) -> None:
        ada, eve = a_user(database, "ada"), a_user(database, "eve")
        own = [job.id for job in submitted(database, *[JobBuilder(owner=ada)] * 3)]
        (other,) = submitted(database, JobBuilder(owner=eve))
        named = [other.id, own[2], uuid4(), own[0]]

        with database.reading() as transaction:
            found = [job.id for job in transaction.jobs.several(named, ada)]
            all_found = [job.id for job in transaction.jobs.several(named, ANONYMOUS)]

        assert found == [own[0], own[2]]
        assert all_found == [own[0], own[2], other.id]

    def test_results_are_listed_as_the_jobs_are(self, database: Database) -> None:
        ada = a_user(database, "ada")
        a_finished_job(database)
        several = a_lease(database, JobBuilder(owner=ada))
        finished(database, several, *[a_result(zeros=zeros) for zeros in range(12)])
        ids = [several.job_id, *[a_finished_job(database, JobBuilder(owner=ada)) for _ in range(2)]]
        (waiting,) = submitted(database, JobBuilder(owner=ada))  # none of them is plain: all results have arrays

        with database.reading() as transaction:
            every = transaction.jobs.list_results(ada, limit=9)
            page = transaction.jobs.list_results(ada, limit=2, offset=1)
            finished_only = transaction.jobs.list_results(ada, limit=9, statuses=frozenset({JobStatus.FINISHED}))
            named = transaction.results.of_jobs([*ids, waiting.id], ada)

        assert [result.job_id for result in every] == [*ids, waiting.id]
        assert every == list(named.values())
        assert page == every[1:3]
        assert finished_only == every[:3]

    @pytest.mark.parametrize("statuses", [frozenset(), frozenset({JobStatus.FINISHED})])
    def test_a_plain_result_is_listed_as_text(self, database: Database, statuses: frozenset[JobStatus]) -> None:
        plain = replace(a_result(), arrays=())
        small, unwieldy, several, packed, strange = (a_lease(database) for _ in range(5))
        finished(database, small, plain)
        finished(database, unwieldy, replace(plain, counts={f"{number:012b}": 1 for number in range(3000)}))
        finished(database, several, plain, plain)
        finished(database, packed, a_result())
        finished(database, strange, replace(plain, run=replace(plain.run, reason="\u2265 20 qubits")))
        leases = [small, unwieldy, several, packed, strange]

        with database.reading() as transaction:
            page = transaction.jobs.list_results(ANONYMOUS, limit=9, statuses=statuses, max_bytes=9000)
            named = transaction.results.of_jobs([lease.job_id for lease in leases], ANONYMOUS, max_bytes=9000)

        first, *others = page
        assert isinstance(first, PlainResult)
        assert first.job_id == str(small.job_id)
        assert decode_result(first.text, ()) == plain
        assert others == [named[lease.job_id] for lease in leases[1:]]

    def test_pages_against_the_order_go_on_from_a_pointer(self, database: Database) -> None:
        jobs = submitted(database, *[JobBuilder()] * 5)

        with database.reading() as transaction:
            first = transaction.jobs.list(ANONYMOUS, limit=2, newest_first=True)
            second = transaction.jobs.list(ANONYMOUS, limit=9, newest_first=True, before_pointer=first[-1].pointer)

        assert [*first, *second] == list(reversed(jobs))

    def test_a_page_holds_only_the_wanted_statuses(self, database: Database) -> None:
        waiting, running = submitted(database, JobBuilder(), JobBuilder())
        done = a_finished_job(database)
        claimed(database, [running.id])

        with database.reading() as transaction:
            jobs = transaction.jobs.list(
                ANONYMOUS, limit=9, statuses=frozenset({JobStatus.PENDING, JobStatus.FINISHED})
            )

        assert [job.id for job in jobs] == [waiting.id, done]

    def test_a_page_holds_only_ones_own_jobs(self, database: Database) -> None:
        ada = a_user(database, "ada")
        _, own = submitted(database, JobBuilder(), JobBuilder(owner=ada))

        with database.reading() as transaction:
            jobs = transaction.jobs.list(ada, limit=9)
            counts = transaction.jobs.count_by_status(ada)

        assert [job.id for job in jobs] == [own.id]
        assert counts[JobStatus.PENDING] == 1

    def test_details_hold_source_and_results_without_their_arrays(self, database: Database) -> None:
        done = a_finished_job(database, JobBuilder(source=b"first"))
        (waiting,) = submitted(database, JobBuilder(source=b"second"))

        with database.reading() as transaction:
            details = transaction.jobs.details(ANONYMOUS, limit=20, offset=0)
            beyond = transaction.jobs.details(ANONYMOUS, limit=20, offset=2)
            detail = transaction.jobs.detail(done, ANONYMOUS)

        assert [(each.job.id, each.source) for each in details] == [(done, b"first"), (waiting.id, b"second")]
        assert details[0] == detail
        assert details[0].result is not None
        assert details[0].result == ResultSummary(details[0].result.id, done, {"11": 488, "00": 512}, None, (0.1, 1.0))
        assert details[0].circuit_format is CircuitFormat.OPENQASM2
        assert details[1].result is None
        assert beyond == []

    def test_a_job_without_a_result_says_what_it_is(self, database: Database) -> None:
        (job,) = submitted(database)

        with database.reading() as transaction, pytest.raises(NotFound, match="no result yet: it is pending"):
            transaction.results.get(job.id, ANONYMOUS)

    def test_a_result_keeps_its_id(self, database: Database) -> None:
        job_id, eve = a_finished_job(database), a_user(database, "eve")

        with database.reading() as transaction:
            first, again = (transaction.results.get(job_id, ANONYMOUS) for _ in range(2))
            (remembered,) = transaction.history.list(ANONYMOUS, limit=9, offset=0)

            known_by = transaction.results.first_id(job_id, ANONYMOUS)
            seen_by_eve = transaction.results.first_id(job_id, eve)

        assert remembered.result is not None
        assert first == again
        assert known_by == first.id
        assert seen_by_eve is None
        assert first.results == (a_result(),)
        assert remembered.result.counts == a_result().counts
        assert first.id == remembered.result.id != job_id

    def test_all_statuses_are_counted(self, database: Database) -> None:
        submitted(database, JobBuilder(), JobBuilder())
        a_lease(database)

        with database.reading() as transaction:
            by_status = transaction.jobs.count_by_status(None)
            by_route = transaction.jobs.count_by_route()

        assert by_status == dict.fromkeys(JobStatus, 0) | {JobStatus.PENDING: 2, JobStatus.RUNNING: 1}
        assert by_route == {("cpu", JobStatus.PENDING): 2, ("cpu", JobStatus.RUNNING): 1}


TRAP = 'a quote ends nothing: ","probabilities":{"0":1},"run":{"counts":{'


class TestSummaries:
    @pytest.mark.parametrize("number", [2, 20_000])
    def test_a_summary_leaves_out_what_is_not_shown(self, database: Database, number: int) -> None:
        result = replace(
            a_result(),
            run=replace(a_result().run, reason=TRAP),
            quasi_dist={"0": 0.5, "3": 0.5},
            expval_standard_errors=(0.0, 0.1),
            probabilities={f"{index:b}": 1 / number for index in range(number)},
        )
        lease = a_lease(database)
        assert finished(database, lease, result, a_result(zeros=1))

        with database.reading() as transaction:
            alone = transaction.results.summary(lease.job_id, ANONYMOUS)
            detail = transaction.jobs.detail(lease.job_id, ANONYMOUS)
            (remembered,) = transaction.history.list(ANONYMOUS, limit=9, offset=0)
            result_id = transaction.results.first_id(lease.job_id, ANONYMOUS)

        assert result_id is not None
        assert alone == ResultSummary(result_id, lease.job_id, result.counts, result.quasi_dist, (0.1, 1.0))
        assert detail.result == alone
        assert remembered.result == alone

    def test_a_summary_of_probabilities_alone_is_empty(self, database: Database) -> None:
        lease = a_lease(database)
        assert finished(database, lease, replace(a_result(), counts=None, expval=None, probabilities={"0": 1.0}))

        with database.reading() as transaction:
            detail = transaction.jobs.detail(lease.job_id, ANONYMOUS)

        assert detail.result is not None
        assert (detail.result.counts, detail.result.quasi_dist, detail.result.expval) == (None, None, ())

    def test_where_there_is_no_result_the_reason_is_said(self, database: Database) -> None:
        (job,) = submitted(database)
        hers = a_finished_job(database, JobBuilder(owner=a_user(database, "ada")))
        eve = a_user(database, "eve")

        with database.reading() as transaction:
            with pytest.raises(NotFound, match="no result yet: it is pending"):
                transaction.results.summary(job.id, ANONYMOUS)
            with pytest.raises(NotFound, match=f"there is no job {hers}"):
                transaction.results.summary(hers, eve)
