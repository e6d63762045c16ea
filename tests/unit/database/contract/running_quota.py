"""How many jobs of one user are with workers at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from database import Database
from qserver.identity import Role
from tests.unit.database.builders import JobBuilder, a_user, claimed, finished, submitted
from tests.unit.database.contract.people import take_in

ROUTES = ("cpu", "gpu", "large")


def pick(database: Database, *, most_per_owner: int, route: str = "cpu", limit_jobs: int = 10) -> Sequence[UUID]:
    """Pick jobs as the dispatcher does."""
    with database.transaction() as transaction:
        picked = transaction.dispatch.pick(
            route, limit_jobs=limit_jobs, limit_seconds=1e9, memory_bytes=2**40, most_per_owner=most_per_owner
        )
    return list(picked.job_ids)


class TestRunningQuota:
    def test_so_many_jobs_of_a_user_are_picked_and_those_of_others(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        mine = submitted(database, *[JobBuilder(owner=ada)] * 5)
        others = submitted(database, *[JobBuilder(owner=bob)] * 2)

        picked = pick(database, most_per_owner=3)

        assert set(picked) == {job.id for job in (*mine[:3], *others)}

    def test_a_user_who_has_enough_takes_up_no_room(self, database: Database) -> None:
        ada, bob = a_user(database, "ada"), a_user(database, "bob")
        submitted(database, *[JobBuilder(owner=ada, priority=9)] * 9)
        (other,) = submitted(database, JobBuilder(owner=bob))
        pick(database, most_per_owner=1, limit_jobs=2)

        assert pick(database, most_per_owner=1, limit_jobs=2) == [other.id]

    def test_published_and_running_jobs_count_until_they_end(self, database: Database) -> None:
        ada = a_user(database, "ada")
        one, two, three, four = submitted(database, *[JobBuilder(owner=ada)] * 4)
        first = pick(database, most_per_owner=2)
        (claim,) = claimed(database, [one.id])
        while_it_runs = pick(database, most_per_owner=2)

        finished(database, claim.lease)

        assert (first, while_it_runs) == ([one.id, two.id], [])
        assert pick(database, most_per_owner=2) == [three.id]
        assert four.id not in pick(database, most_per_owner=2)

    def test_jobs_of_all_routes_count(self, database: Database) -> None:
        ada = a_user(database, "ada")
        submitted(database, *[JobBuilder(owner=ada, route=route) for route in ROUTES])

        picked = [pick(database, most_per_owner=2, route=route) for route in ROUTES]

        assert [len(each) for each in picked] == [1, 1, 0]

    def test_an_administrator_is_not_bound(self, database: Database) -> None:
        root = a_user(database, "root", Role.ADMIN)
        submitted(database, *[JobBuilder(owner=root)] * 5)

        assert len(pick(database, most_per_owner=1)) == 5

    def test_another_role_holds_for_jobs_that_wait_already(self, database: Database) -> None:
        a_user(database, "root", Role.ADMIN)
        ada = a_user(database, "ada", Role.ADMIN)
        submitted(database, *[JobBuilder(owner=ada)] * 5)

        with database.transaction() as transaction:
            transaction.users.change("ada", role=Role.USER)
        as_user = pick(database, most_per_owner=2)
        with database.transaction() as transaction:
            transaction.users.change("ada", role=Role.ADMIN)

        assert (len(as_user), len(pick(database, most_per_owner=2))) == (2, 3)

    def test_the_token_seen_last_says_which_role_is_in_force(self, database: Database) -> None:
        ada = take_in(database, "1", "ada", Role.ADMIN)
        assert ada is not None
        submitted(database, *[JobBuilder(owner=ada)] * 5)

        take_in(database, "1", "ada", Role.USER)
        as_user = pick(database, most_per_owner=2)
        take_in(database, "1", "ada", Role.ADMIN)

        assert (len(as_user), len(pick(database, most_per_owner=2))) == (2, 3)

    def test_dispatchers_beside_each_other_never_pass_it(self, database: Database) -> None:
        ada = a_user(database, "ada")
        submitted(database, *[JobBuilder(owner=ada, route=route) for route in ROUTES for _ in range(20)])

        with ThreadPoolExecutor(9) as executor:
            picks = executor.map(lambda route: pick(database, most_per_owner=7, route=route), ROUTES * 3, timeout=60)

        assert sum(len(each) for each in picks) == 7
