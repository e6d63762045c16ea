"""Jobs of PUBs: stored whole, claimed whole, and read as any other job."""

from dataclasses import replace

from sqlalchemy import func, select

from database import Database, circuit_hash
from database.jobs.pubs import pubs_content
from database.records import NamedSubmission, NewJob, NewPub
from database.tables import circuits, pub_values, pubs
from qserver.errors import AlreadyExists, QuotaExceeded
from qserver.identity import ANONYMOUS
from qserver.jobs import Job, Observable, PauliTerm, RunRequest
from qserver.results import Array, PubResult, ResultType
from qserver.sweeps import Sweep
from tests.bell import BELL_RUN
from tests.unit.database.builders import JobBuilder, a_circuit, a_plan, claimed, finished, read

ESTIMATE = RunRequest("aer", frozenset({ResultType.EXPVAL}), observables=(Observable((PauliTerm("ZZ", 1.0),)),))


def a_pub(source: bytes, sweep: Sweep, *, seconds: float = 0.001, precision: float | None = None) -> NewPub:
    circuit = a_circuit(source)
    sha256 = circuit_hash(circuit.circuit_format, source, reader="aer 1")
    return NewPub(circuit, sha256, replace(ESTIMATE, sweep=sweep, precision=precision), a_plan(seconds=seconds))


PUBS = (
    a_pub(b"first", Sweep(("a", "b"), (2,), bytes(range(32)), (1,)), seconds=0.5),
    a_pub(b"second", Sweep((), (), b""), precision=0.25),
    a_pub(b"first", Sweep(("a",), (0, 3), b"", (3,)), seconds=0.125),
)


def a_job_of_pubs(*of: NewPub, request_id: str | None = None) -> NewJob:
    found = of or PUBS
    new = JobBuilder(source=found[0].circuit.source, run=ESTIMATE, request_id=request_id).build()
    return replace(new, request=replace(new.request, num_pubs=len(found)), pubs=found)


def stored(database: Database, *new: NewJob) -> list[Job | AlreadyExists | QuotaExceeded]:
    with database.transaction() as transaction:
        return list(transaction.jobs.submit(new))


class TestPubs:
    def test_a_job_of_pubs_is_claimed_with_all_of_them(self, database: Database) -> None:
        new = a_job_of_pubs()
        stored(database, new)

        (claim,) = claimed(database, [new.id])

        assert [(pub.circuit, pub.run, pub.plan) for pub in claim.pubs] == [
            (pub.circuit, pub.run, pub.plan) for pub in PUBS
        ]

    def test_a_job_of_one_circuit_beside_it_has_no_pubs(self, database: Database) -> None:
        new, plain = a_job_of_pubs(), JobBuilder().build()
        stored(database, plain, new)

        claims = claimed(database, [plain.id, new.id])

        assert [len(claim.pubs) for claim in claims] == [0, 3]

    def test_it_is_read_as_any_other_job(self, database: Database) -> None:
        new = a_job_of_pubs()

        (answer,) = stored(database, new)

        assert answer == read(database, new.id)
        assert isinstance(answer, Job)
        assert answer.request.num_pubs == 3

    def test_each_circuit_is_stored_once(self, database: Database) -> None:
        stored(database, a_job_of_pubs(), a_job_of_pubs())

        with database._engine.begin() as connection:
            assert connection.execute(select(func.count()).select_from(circuits)).scalar_one() == 2
            assert connection.execute(select(func.count()).select_from(pubs)).scalar_one() == 6
            assert connection.execute(select(func.count()).select_from(pub_values)).scalar_one() == 2

    def test_its_results_come_back_in_order_also_where_one_is_empty(self, database: Database) -> None:
        new = a_job_of_pubs()
        stored(database, new)
        (claim,) = claimed(database, [new.id])
        results = [
            PubResult(BELL_RUN, arrays=(Array("evs", "float64", (2,), bytes(16)),)),
            PubResult(BELL_RUN, arrays=(Array("evs", "float64", (), bytes(8)),)),
            PubResult(BELL_RUN, arrays=(Array("evs", "float64", (0, 3), b""),)),
        ]

        assert finished(database, claim.lease, *results)

        with database.reading() as transaction:
            assert list(transaction.results.get(new.id, ANONYMOUS).results) == results

    def test_deleting_it_leaves_nothing(self, database: Database) -> None:
        new = a_job_of_pubs()
        stored(database, new)

        with database.transaction() as transaction:
            transaction.jobs.delete(new.id, ANONYMOUS)

        with database._engine.begin() as connection:
            assert connection.execute(select(func.count()).select_from(pubs)).scalar_one() == 0
            assert connection.execute(select(func.count()).select_from(pub_values)).scalar_one() == 0

    def test_the_same_pubs_under_a_request_id_are_one_job(self, database: Database) -> None:
        first, again = a_job_of_pubs(request_id="mine"), a_job_of_pubs(request_id="mine")

        (job, same) = stored(database, first, again)

        assert job == same
        content = pubs_content((pub.circuit.source, pub.run) for pub in PUBS)
        named = NamedSubmission(ANONYMOUS.user_id, "mine", first.request, content)
        with database.reading() as transaction:
            assert transaction.jobs.find_first([named]) == [job]

    def test_other_values_under_a_request_id_are_another_job(self, database: Database) -> None:
        other = replace(PUBS[0], run=replace(PUBS[0].run, sweep=Sweep(("a", "b"), (2,), bytes(32), (1,))))
        stored(database, a_job_of_pubs(request_id="mine"))

        (answer,) = stored(database, a_job_of_pubs(other, *PUBS[1:], request_id="mine"))

        assert isinstance(answer, AlreadyExists)
