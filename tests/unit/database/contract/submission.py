"""How jobs get in."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from database import Database
from database.records import NamedSubmission
from qserver.circuits import CircuitFormat, Inspection
from qserver.errors import AlreadyExists, QServerError
from qserver.identity import ANONYMOUS, Identity, Role
from qserver.jobs import Job, JobRequest, JobStatus, Observable, PauliTerm, RunRequest
from qserver.results import ResultType
from tests.unit.database.builders import JobBuilder, a_finished_job, a_plan, a_user, claimed, read, submitted


class TestSubmission:
    def test_a_submitted_job_waits(self, database: Database) -> None:
        (job,) = submitted(database, JobBuilder(priority=7))

        assert job == read(database, job.id)
        assert (job.status, job.attempt, job.max_attempts) == (JobStatus.PENDING, 0, 3)
        assert (job.started_at, job.finished_at, job.reason) == (None, None, None)
        assert job.submitted_at.tzinfo is UTC

    def test_a_request_comes_back_as_it_was_sent(self, database: Database) -> None:
        run = RunRequest(
            backend="aer",
            result_types=frozenset({ResultType.EXPVAL, ResultType.MEMORY}),
            shots=7,
            seed=2**63 - 1,
            precision=0.01,
            observables=(Observable((PauliTerm("ZZ", 1.0), PauliTerm("IX", -0.5))),),
            options={"noise": {"readout": [0.1, 2]}, "exact": True},
            metadata={"framework": "qiskit", "empty": None, "words": "é\U0001f600"},
        )
        request = JobRequest(run, -100, 1.5, datetime(2036, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), "mine")
        new = replace(JobBuilder().build(), request=request)

        with database.transaction() as transaction:
            (answer,) = transaction.jobs.submit([new])

        assert isinstance(answer, Job)
        assert answer.request == request
        assert read(database, new.id).request == request

    def test_pointers_rise_in_the_order_of_the_call(self, database: Database) -> None:
        jobs = submitted(database, *[JobBuilder()] * 1500)

        pointers = [job.pointer for job in jobs]
        assert pointers == sorted(set(pointers))
        assert [read(database, job.id).pointer for job in jobs[:3]] == pointers[:3]

    def test_no_jobs_at_all_are_no_error(self, database: Database) -> None:
        with database.transaction() as transaction:
            answers = transaction.jobs.submit([])

        assert answers == []

    def test_equal_circuits_of_one_owner_are_stored_once(self, database: Database) -> None:
        first, same, other = submitted(database, JobBuilder(), JobBuilder(), JobBuilder(source=b"other"))

        (later,) = submitted(database, JobBuilder())

        assert first.circuit_id == same.circuit_id == later.circuit_id
        assert other.circuit_id != first.circuit_id

    def test_equal_circuits_of_two_owners_are_two(self, database: Database) -> None:
        ada = a_user(database, "ada")

        first, second = submitted(database, JobBuilder(), JobBuilder(owner=ada))

        assert first.circuit_id != second.circuit_id

    def test_a_stored_circuit_is_found_by_its_hash(self, database: Database) -> None:
        new = JobBuilder().build()
        with database.transaction() as transaction:
            transaction.jobs.submit([new])

        with database.reading() as transaction:
            own, foreign = (ANONYMOUS.user_id, new.circuit_sha256), (uuid4(), new.circuit_sha256)
            found = transaction.circuits.find([own, foreign])
            nothing = transaction.circuits.find([])

        assert set(found) == {own}
        assert found[own].circuit_format is CircuitFormat.OPENQASM2
        assert found[own].profile == new.circuit.inspection.profile
        assert nothing == {}

    def test_a_qpy_source_is_its_own_qpy(self, database: Database) -> None:
        source = b"QISKIT\x0d\x00\xff"
        inspection = Inspection(CircuitFormat.QPY, None, source)
        new = JobBuilder(source=source).build()
        circuit = replace(new.circuit, circuit_format=CircuitFormat.QPY, inspection=inspection)
        with database.transaction() as transaction:
            transaction.jobs.submit([replace(new, circuit=circuit)])

        with database.reading() as transaction:
            stored = transaction.circuits.source(new.id, ANONYMOUS)

        assert stored.circuit == circuit

    def test_a_plan_may_need_more_memory_than_a_column_can_say(self, database: Database) -> None:
        builder = JobBuilder(plan=a_plan(memory_bytes=16 * 2**60))
        (job,) = submitted(database, builder)

        claims = [claimed(database, [job.id], memory_bytes=size) for size in (2**40, 2**63 - 1)]

        assert claims[0] == ()
        assert claims[1][0].plan == builder.plan

    def test_an_unknown_owner_is_refused(self, database: Database) -> None:
        stranger = Identity(uuid4(), "stranger", Role.USER)

        with pytest.raises(QServerError, match=r"(?i)foreign key"):
            submitted(database, JobBuilder(owner=stranger))


def named(builder: JobBuilder) -> NamedSubmission:
    new = builder.build()
    assert new.request.request_id is not None
    return NamedSubmission(new.identity.user_id, new.request.request_id, new.request, new.circuit.source)


class TestRequestId:
    def test_the_same_content_again_gets_the_first_job(self, database: Database) -> None:
        (first,) = submitted(database, JobBuilder(request_id="mine"))
        claimed(database, [first.id])

        (again,) = submitted(database, JobBuilder(request_id="mine"))

        assert again.id == first.id
        assert again.status is JobStatus.RUNNING

    def test_other_content_is_refused(self, database: Database) -> None:
        submitted(database, JobBuilder(request_id="mine"))

        with database.transaction() as transaction:
            other_shots, other_circuit, new = transaction.jobs.submit(
                [
                    JobBuilder(request_id="mine", shots=5).build(),
                    JobBuilder(request_id="mine", source=b"other").build(),
                    JobBuilder(request_id="new").build(),
                ]
            )

        assert isinstance(other_shots, AlreadyExists)
        assert "'mine'" in other_shots.message
        assert isinstance(other_circuit, AlreadyExists)
        assert isinstance(new, Job)

    def test_the_first_of_one_call_wins(self, database: Database) -> None:
        builders = [
            JobBuilder(request_id="mine"),
            JobBuilder(request_id="mine"),
            JobBuilder(request_id="mine", shots=5),
        ]

        with database.transaction() as transaction:
            first, same, other = transaction.jobs.submit([builder.build() for builder in builders])

        assert isinstance(first, Job)
        assert same == first
        assert isinstance(other, AlreadyExists)

    def test_it_belongs_to_its_owner(self, database: Database) -> None:
        ada = a_user(database, "ada")
        (first,) = submitted(database, JobBuilder(request_id="mine"))

        (second,) = submitted(database, JobBuilder(request_id="mine", owner=ada, shots=5))

        assert second.id != first.id

    def test_a_deleted_job_is_still_the_answer(self, database: Database) -> None:
        job_id = a_finished_job(database, JobBuilder(request_id="mine"))
        before = read(database, job_id)
        with database.transaction() as transaction:
            transaction.jobs.delete(job_id, ANONYMOUS)

        (again,) = submitted(database, JobBuilder(request_id="mine"))

        assert again == before

    def test_what_came_before_can_be_told_without_storing(self, database: Database) -> None:
        ada = a_user(database, "ada")
        (first,) = submitted(database, JobBuilder(request_id="mine"))
        (adas,) = submitted(database, JobBuilder(request_id="hers", owner=ada))

        with database.reading() as transaction:
            same, other, new, hers, not_mine = transaction.jobs.find_first(
                [
                    named(JobBuilder(request_id="mine")),
                    named(JobBuilder(request_id="mine", shots=5)),
                    named(JobBuilder(request_id="new")),
                    named(JobBuilder(request_id="hers", owner=ada)),
                    named(JobBuilder(request_id="hers")),
                ]
            )

        assert (same, new, hers, not_mine) == (first, None, adas, None)
        assert isinstance(other, AlreadyExists)

    def test_it_is_forgotten_with_the_history(self, database: Database) -> None:
        job_id = a_finished_job(database, JobBuilder(request_id="mine"))
        with database.transaction() as transaction:
            transaction.retention.remove_old_history(keep_days=1e-9)

        (again,) = submitted(database, JobBuilder(request_id="mine", shots=5))

        assert again.id != job_id
