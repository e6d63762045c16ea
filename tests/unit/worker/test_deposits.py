"""How results are cut where they are too much for one transaction."""

from database.records import FailedRun
from qserver.errors import Reason
from qserver.results import Array, PubResult
from tests.unit.worker.claims import a_claim, a_result
from worker.deposits import Deposit, portions
from worker.verdicts import Finished, Verdict


def kilobytes(number: int, *, jobs: int = 1) -> Deposit:
    array = Array("memory", "bits", (1, 8), b"0" * (number * 1000))
    result = PubResult(run=a_result().run, arrays=(array,))
    return Deposit(Verdict(finished=tuple(Finished(a_claim(), (result,)) for _ in range(jobs))), 2.0, 3.0)


def test_what_fits_goes_together() -> None:
    deposits = [kilobytes(1), kilobytes(1, jobs=2)]

    assert list(portions(deposits, max_bytes=3000)) == [deposits]


def test_what_does_not_fit_goes_with_the_next() -> None:
    one, two, three = kilobytes(2), kilobytes(1), kilobytes(2)

    assert list(portions([one, two, three], max_bytes=3000)) == [[one, two], [three]]


def test_a_group_of_too_much_is_taken_apart() -> None:
    failed = FailedRun(a_claim().lease, Reason.PLUGIN_ERROR, "broken")
    group = kilobytes(1, jobs=5)
    group = Deposit(Verdict(finished=group.verdict.finished, failed=(failed,)), 2.0, 3.0)

    cut = list(portions([group], max_bytes=2500))

    assert [sum(part.size_bytes() for part in portion) for portion in cut] == [2000, 2000, 1000]
    assert [lease for portion in cut for part in portion for lease in part.leases()] == list(group.leases())


def test_one_jobs_result_is_never_cut() -> None:
    large = kilobytes(9)

    assert list(portions([large], max_bytes=3000)) == [[large]]


def test_outcomes_count_too() -> None:
    counts = {f"{number:b}": 1 for number in range(1000)}
    result = PubResult(run=a_result().run, counts=counts)

    assert Deposit(Verdict(finished=(Finished(a_claim(), (result,)),)), 0.0, 0.0).size_bytes() > 10_000


def test_nothing_makes_no_portion() -> None:
    assert list(portions([], max_bytes=3000)) == []
