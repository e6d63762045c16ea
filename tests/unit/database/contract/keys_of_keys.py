"""Keys that were made with keys, and what a key may do to others of its user."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from database import Database
from qserver.errors import NotFound, PermissionDenied, Unauthenticated
from qserver.identity import ANONYMOUS, EVERYTHING, Identity, Permission, Role
from tests.unit.database.contract.people import add_key, add_user, are_alive, key_id_of

_DAY = timedelta(days=1)
_KEYS_BY_SCOPE = {
    "all": EVERYTHING,
    "submits": frozenset({Permission.READ, Permission.SUBMIT}),
    "reads": frozenset({Permission.NONE, Permission.READ}),
    "only-submits": frozenset({Permission.SUBMIT}),
}


class TestKeysOfKeys:
    def test_with_a_key_goes_all_that_was_made_with_it(self, database: Database) -> None:
        root, ada = add_user(database, "root", Role.ADMIN), add_user(database, "ada")
        stolen, others = add_key(database, root, "stolen"), add_key(database, root, "others")
        child = add_key(database, root, "child", made_by=key_id_of(database, "stolen"))
        grandchild = add_key(database, ada, "grandchild", made_by=key_id_of(database, "child"))

        stolen_id = key_id_of(database, "stolen")
        with database.transaction() as transaction:
            revoked = transaction.keys.revoke(stolen_id, root)

        assert [key.name for key in revoked] == ["stolen", "child", "grandchild"]
        assert are_alive(database, stolen, child, grandchild, others) == [False, False, False, True]

    def test_what_was_made_may_be_kept_and_revoked_later(self, database: Database) -> None:
        ada = add_user(database, "ada")
        add_key(database, ada, "first")
        key_id = key_id_of(database, "first")
        child = add_key(database, ada, "child", made_by=key_id)

        with database.transaction() as transaction:
            transaction.keys.revoke(key_id, ada, with_made=False)
        assert are_alive(database, child) == [True]
        with database.transaction() as transaction:
            assert [key.name for key in transaction.keys.revoke(key_id, ada)] == ["child"]

        assert are_alive(database, child) == [False]
        with pytest.raises(NotFound), database.transaction() as transaction:
            transaction.keys.revoke(key_id, ada)

    def test_what_was_made_goes_also_where_the_one_between_is_gone_already(self, database: Database) -> None:
        ada = add_user(database, "ada")
        add_key(database, ada, "first")
        add_key(database, ada, "child", made_by=key_id_of(database, "first"))
        grandchild = add_key(database, ada, "grandchild", made_by=key_id_of(database, "child"))
        first_id, child_id = key_id_of(database, "first"), key_id_of(database, "child")
        with database.transaction() as transaction:
            transaction.keys.revoke(child_id, ada, with_made=False)

        with database.transaction() as transaction:
            transaction.keys.revoke(first_id, ada)

        assert are_alive(database, grandchild) == [False]

    def test_a_key_outlives_its_maker_in_no_way(self, database: Database) -> None:
        ada = add_user(database, "ada")
        ends_at = datetime(2100, 1, 1, tzinfo=UTC)
        add_key(database, ada, "first", expires_at=ends_at)
        key_id = key_id_of(database, "first")
        for name, wanted in (("ever", None), ("longer", ends_at + timedelta(days=1)), ("less", ends_at - _DAY)):
            add_key(database, ada, name, expires_at=wanted, made_by=key_id)

        with database.reading() as transaction:
            ends = {key.name: key.expires_at for key in transaction.keys.list(ada)}
        assert (ends["ever"], ends["longer"], ends["less"]) == (ends_at, ends_at, ends_at - _DAY)

        with database.transaction() as transaction:
            transaction.keys.revoke(key_id, ada)
        with pytest.raises(Unauthenticated, match="was revoked"):
            add_key(database, ada, "after", made_by=key_id)

    def test_no_key_slips_through_while_its_maker_is_revoked(self, database: Database) -> None:
        ada = add_user(database, "ada")
        add_key(database, ada, "first")
        key_id = key_id_of(database, "first")

        def make(number: int) -> str | None:
            try:
                return add_key(database, ada, f"made-{number}", made_by=key_id)
            except Unauthenticated:
                return None

        with ThreadPoolExecutor(16) as pool:
            making = [pool.submit(make, number) for number in range(32)]
            with database.transaction() as transaction:
                transaction.keys.revoke(key_id, ada)
            made = [key for each in making if (key := each.result()) is not None]

        assert not any(are_alive(database, *made))

    def test_a_key_handles_itself_and_what_can_do_no_more(self, database: Database) -> None:
        ada = add_user(database, "ada")
        for name, scopes in _KEYS_BY_SCOPE.items():
            add_key(database, ada, name, scopes=scopes)
        ids = {name: key_id_of(database, name) for name in _KEYS_BY_SCOPE}

        def uses(name: str) -> Identity:
            return Identity(ada.user_id, ada.name, ada.role, _KEYS_BY_SCOPE[name], key_id=ids[name])

        with database.reading() as transaction:
            seen = {name: {key.name for key in transaction.keys.list(uses(name))} for name in ids}
        assert seen == {
            "all": {*ids},
            "submits": {"submits", "reads", "only-submits"},
            "reads": {"reads"},
            "only-submits": {"only-submits"},
        }
        for user, key, made_for in [
            ("submits", "all", "administer, read, submit"),
            ("reads", "submits", "read, submit"),
            ("only-submits", "reads", "read"),
            ("reads", "all", "administer, read, submit"),
        ]:
            told = f"key {key} was made for {made_for}$"
            with pytest.raises(PermissionDenied, match=told), database.transaction() as transaction:
                transaction.keys.revoke(ids[key], uses(user))
        for user, key in [("submits", "reads"), ("only-submits", "only-submits"), ("submits", "submits")]:
            with database.transaction() as transaction:
                assert [gone.name for gone in transaction.keys.revoke(ids[key], uses(user))] == [key]

    def test_who_stands_for_requests_without_a_key_has_none(self, database: Database) -> None:
        key = add_key(database, ANONYMOUS, "from-before")

        assert are_alive(database, key) == [False]
        with pytest.raises(Unauthenticated):
            add_key(database, ANONYMOUS, "child", made_by=key_id_of(database, "from-before"))
