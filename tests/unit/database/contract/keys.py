"""Keys: made, found by their hash, revoked; and the administrator's first one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import event

from database import ChangeKind, Database
from database.admin_key import check_admin_key, is_admin_key, store_admin_key
from database.directory import DatabaseDirectory
from database.people_records import AuditAction, NewKey
from qserver.access.keys import hash_key, make_key
from qserver.errors import Conflict, NotFound, QuotaExceeded, SettingsError
from qserver.identity import ANONYMOUS, EVERYTHING, Identity, Permission, Role
from qserver.quotas import QuotaUse
from tests.unit.database.contract.people import add_key, add_user, are_alive, key_id_of, take_in
from tests.unit.database.contract.transactions import PATIENCE_SECONDS, listening


class TestKeys:
    def test_a_key_is_found_by_its_hash_alone(self, database: Database) -> None:
        ada = add_user(database, "ada")
        until = datetime(2030, 1, 1, tzinfo=UTC)
        key = add_key(database, ada, scopes=frozenset({Permission.READ}), expires_at=until)

        holder = DatabaseDirectory(database).find_key(hash_key(key))

        assert holder is not None
        assert holder.identity == Identity(ada.user_id, "ada", Role.USER, frozenset({Permission.READ}))
        assert (holder.key_hash, holder.expires_at) == (hash_key(key), until)
        assert DatabaseDirectory(database).find_key(hash_key(make_key())) is None

    def test_its_use_is_remembered(self, database: Database) -> None:
        ada = add_user(database, "ada")
        key = add_key(database, ada)
        directory = DatabaseDirectory(database)

        def last_used() -> datetime | None:
            with database.reading() as transaction:
                return transaction.keys.list(ada)[0].last_used_at

        assert last_used() is None
        directory.find_key(hash_key(key))
        first = last_used()
        assert first is not None
        directory.find_key(hash_key(key))
        assert last_used() == first  # to the minute: each use would else be a write

    def test_nobody_has_more_than_they_may_however_many_are_made_at_once(self, database: Database) -> None:
        ada, eve = add_user(database, "ada"), add_user(database, "eve")

        def add(number: int) -> bool:
            try:
                with database.transaction() as transaction:
                    transaction.keys.add(NewKey(hash_key(make_key()), ada.user_id, f"key-{number}", EVERYTHING), most=5)
            except QuotaExceeded:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            made = list(pool.map(add, range(32)))

        assert made.count(True) == 5
        with database.transaction() as transaction:
            keys = transaction.keys.list(ada)
            assert len(keys) == 5
            assert transaction.keys.use(ada, 5) == QuotaUse("max_keys_per_user", 5, 5)
            assert transaction.keys.use(ada, 0) == QuotaUse("max_keys_per_user", None, None)
            transaction.keys.add(NewKey(hash_key(make_key()), eve.user_id, "first", EVERYTHING), most=1)
            transaction.keys.revoke(keys[0].id, ada)
        assert add(32)

    def test_one_too_many_names_the_limit(self, database: Database) -> None:
        ada = add_user(database, "ada")
        add_key(database, ada, expires_at=datetime(2020, 1, 1, tzinfo=UTC))

        second = NewKey(hash_key(make_key()), ada.user_id, "second", EVERYTHING)
        complaint = r"user ada may have 1 keys.*QSERVER_MAX_KEYS_PER_USER"

        with pytest.raises(QuotaExceeded, match=complaint) as caught, database.transaction() as transaction:
            transaction.keys.add(second, most=1)

        assert caught.value.limit is not None
        assert (caught.value.limit.name, caught.value.limit.value) == ("max_keys_per_user", 1)

    def test_looking_at_one_again_takes_one_statement(self, database: Database) -> None:
        key = add_key(database, add_user(database, "ada"))
        directory = DatabaseDirectory(database)
        directory.find_key(hash_key(key))
        statements: list[str] = []
        event.listen(database._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

        directory.find_key(hash_key(key))

        assert len([statement for statement in statements if statement != "BEGIN"]) == 1, statements

    def test_a_revoked_key_is_gone_and_that_is_told(self, database: Database) -> None:
        ada = add_user(database, "ada")
        key = add_key(database, ada)
        changes = listening(database)

        with database.transaction() as transaction:
            (record,) = transaction.keys.list(ada)
            transaction.keys.revoke(record.id, ada)

        assert changes.get(timeout=PATIENCE_SECONDS).kind is ChangeKind.ACCESS
        assert DatabaseDirectory(database).find_key(hash_key(key)) is None
        with database.transaction() as transaction:
            assert transaction.keys.list(ada) == []
            with pytest.raises(NotFound):
                transaction.keys.revoke(record.id, ada)

    def test_anothers_key_does_not_exist(self, database: Database) -> None:
        ada, eve = add_user(database, "ada"), add_user(database, "eve")
        add_key(database, ada)
        with database.reading() as transaction:
            (record,) = transaction.keys.list(ANONYMOUS, owner="ada")
            assert transaction.keys.list(eve) == transaction.keys.list(eve, owner="ada") == []

        for key_id in (record.id, uuid4()):
            with pytest.raises(NotFound), database.transaction() as transaction:
                transaction.keys.revoke(key_id, eve)
        with database.transaction() as transaction:
            transaction.keys.revoke(record.id, ANONYMOUS)

    def test_a_named_key_takes_the_place_of_the_one_before(self, database: Database) -> None:
        ada = add_user(database, "ada")
        other = add_key(database, ada, "laptop")
        old, new = make_key(), make_key()

        def put(key: str) -> bool:
            with database.transaction() as transaction:
                return (
                    transaction.keys.replace_named(NewKey(hash_key(key), ada.user_id, "first", EVERYTHING)) is not None
                )

        assert [put(old), put(old), put(new), put(new)] == [True, False, True, False]
        directory = DatabaseDirectory(database)
        found = [directory.find_key(hash_key(key)) is not None for key in (other, old, new)]
        assert found == [True, False, True]

        assert not put(old)  # it was replaced because somebody may have it
        assert directory.find_key(hash_key(old)) is None
        assert directory.find_key(hash_key(new)) is not None


class TestWorthlessKeys:
    def test_what_was_revoked_or_has_expired_goes_after_its_time(self, database: Database) -> None:
        ada = add_user(database, "ada")
        revoked, good = add_key(database, ada, "revoked"), add_key(database, ada, "good")
        add_key(database, ada, "expired", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
        lasting = add_key(database, ada, "lasting", expires_at=datetime(2200, 1, 1, tzinfo=UTC))
        self._revoke(database, "revoked", ada)

        assert self._remove(database, keep_days=0) == 0  # for ever
        assert self._remove(database, keep_days=1) == 1  # what expired years ago
        assert self._remove(database, keep_days=1e-9, dry_run=True) == 1
        assert self._remove(database, keep_days=1e-9) == 1
        assert self._remove(database, keep_days=1e-9) == 0

        directory = DatabaseDirectory(database)
        found = [directory.find_key(hash_key(key)) is not None for key in (revoked, good, lasting)]
        assert found == [False, True, True]
        with database.reading() as transaction:
            assert [key.name for key in transaction.keys.list(ada)] == ["good", "lasting"]

    def test_it_goes_in_batches(self, database: Database) -> None:
        ada = add_user(database, "ada")
        for _ in range(3):
            add_key(database, ada, expires_at=datetime(2020, 1, 1, tzinfo=UTC))

        assert [self._remove(database, keep_days=1, limit=2) for _ in range(3)] == [2, 1, 0]

    def test_a_revoked_administrator_s_key_does_not_come_back_from_its_setting(self, database: Database) -> None:
        key = make_key()
        store_admin_key(database, key)
        self._revoke(database, "first-key", ANONYMOUS, owner="admin")

        assert self._remove(database, keep_days=1e-9) == 0

        assert not store_admin_key(database, key)
        assert not is_admin_key(database, key)

    def test_the_audit_trail_keeps_its_lines(self, database: Database) -> None:
        ada = add_user(database, "ada")
        add_key(database, ada)
        with database.transaction() as transaction:
            transaction.audit.record(ada, AuditAction.KEY_ADDED, "ada", {"name": "laptop"})
        self._revoke(database, "laptop", ada)

        assert self._remove(database, keep_days=1e-9) == 1

        with database.reading() as transaction:
            assert [entry.action for entry in transaction.audit.list(limit=9)] == [AuditAction.KEY_ADDED]

    def _revoke(self, database: Database, name: str, caller: Identity, owner: str | None = None) -> None:
        with database.transaction() as transaction:
            (record,) = (key for key in transaction.keys.list(caller, owner=owner) if key.name == name)
            transaction.keys.revoke(record.id, caller)

    def _remove(self, database: Database, *, keep_days: float, dry_run: bool = False, limit: int = 1000) -> int:
        with database.transaction() as transaction:
            removal = transaction.retention.remove_worthless_keys(keep_days=keep_days, dry_run=dry_run, limit=limit)
        return removal.count


class TestAdminKey:
    def test_a_new_key_is_the_way_back_in(self, database: Database) -> None:
        first, second = make_key(), make_key()
        assert store_admin_key(database, first)
        assert not store_admin_key(database, first)
        add_user(database, "root", Role.ADMIN)
        with database.transaction() as transaction:
            transaction.users.change("admin", role=Role.VIEWER, is_disabled=True)
        assert not is_admin_key(database, first)

        assert store_admin_key(database, second)

        assert is_admin_key(database, second)
        assert not is_admin_key(database, first)
        with database.reading() as transaction:
            entries = transaction.audit.list(limit=9)
        assert [(entry.actor, entry.action) for entry in entries] == [
            ("QSERVER_ADMIN_KEY", action)
            for action in (AuditAction.KEY_REVOKED, AuditAction.KEY_ADDED, AuditAction.KEY_ADDED)
        ]

    def test_with_one_that_is_replaced_goes_what_administrators_have_by_it(self, database: Database) -> None:
        store_admin_key(database, make_key())
        first_id = key_id_of(database, "first-key")
        root, ada = add_user(database, "root", Role.ADMIN), add_user(database, "ada")
        roots, adas = (add_key(database, who, who.name, made_by=first_id) for who in (root, ada))
        of_ada_by_root = add_key(database, ada, "again", made_by=key_id_of(database, "root"))
        of_root_by_ada = add_key(database, root, "round-about", made_by=key_id_of(database, "ada"))

        store_admin_key(database, make_key())

        assert are_alive(database, roots, of_root_by_ada, adas, of_ada_by_root) == [False, False, True, True]
        with database.reading() as transaction:
            revoked = [entry for entry in transaction.audit.list(limit=9) if entry.action is AuditAction.KEY_REVOKED]
        assert {(entry.actor, entry.detail["name"]) for entry in revoked} == {
            ("QSERVER_ADMIN_KEY", name) for name in ("first-key", "root", "round-about")
        }

    def test_nobody_becomes_administrator_by_their_name(self, database: Database) -> None:
        take_in(database, "1", "admin")

        with pytest.raises(Conflict, match="comes by tokens of"):
            store_admin_key(database, make_key())

    @pytest.mark.parametrize("key", ["secret", "qserver_short", "x" * 64])
    def test_one_that_could_be_guessed_is_none(self, key: str) -> None:
        with pytest.raises(SettingsError, match="at least 32 random characters"):
            check_admin_key(key)
