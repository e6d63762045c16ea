"""Users, keys, and what people did."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event

from database import Change, ChangeKind, Database
from database.admin_key import check_admin_key, is_admin_key, store_admin_key
from database.directory import DatabaseDirectory
from database.people_records import AuditAction, NewKey
from qserver.access.directory import TokenHolder
from qserver.access.keys import hash_key, make_key
from qserver.errors import AlreadyExists, Conflict, NotFound, QuotaExceeded, SettingsError
from qserver.identity import ANONYMOUS, EVERYTHING, GUEST, Identity, Permission, Role
from qserver.quotas import QuotaUse
from tests.waiting import wait_until

ISSUER = "https://id.example.org"


def add_user(database: Database, name: str, role: Role = Role.USER) -> Identity:
    with database.transaction() as transaction:
        user = transaction.users.add(name, role)
    return Identity(user.id, user.name, user.role)


def add_key(database: Database, owner: Identity, name: str = "laptop", **changes: object) -> str:
    key = make_key()
    values: dict[str, object] = {"scopes": EVERYTHING, "expires_at": None, **changes}
    with database.transaction() as transaction:
        transaction.keys.add(NewKey(hash_key(key), owner.user_id, name, **values))  # type: ignore[arg-type]
    return key


def take_in(database: Database, subject: str, name: str, role: Role = Role.USER) -> Identity | None:
    holder = TokenHolder(f"{ISSUER}|{subject}", name, role, datetime.now(UTC) + timedelta(hours=1))
    return DatabaseDirectory(database).take_in(holder)


class TestUsers:
    def test_a_user_is_added_once(self, database: Database) -> None:
        ada = add_user(database, "ada", Role.VIEWER)

        with pytest.raises(AlreadyExists, match="there is a user ada already"):
            add_user(database, "ada")
        with database.reading() as transaction:
            user = transaction.users.get("ada")
        assert (user.id, user.role, user.disabled_at, user.subject) == (ada.user_id, Role.VIEWER, None, None)

    def test_nobody_is_administrator_without_a_key(self, database: Database) -> None:
        with database.reading() as transaction:
            (anonymous,) = transaction.users.list()

        assert (anonymous.id, anonymous.role) == (GUEST.user_id, Role.USER)

    def test_a_role_is_changed_and_told(self, database: Database) -> None:
        heard: list[Change] = []
        add_user(database, "root", Role.ADMIN)
        add_user(database, "ada")
        subscription = database.changes.subscribe(heard.append)
        with database.transaction() as transaction:
            changed = transaction.users.change("ada", role=Role.ADMIN)

        assert changed.role is Role.ADMIN
        wait_until(lambda: any(change.kind is ChangeKind.ACCESS for change in heard), what="the change is told")
        subscription.close()

    def test_the_last_administrator_stays_one(self, database: Database) -> None:
        add_user(database, "root", Role.ADMIN)

        with pytest.raises(Conflict, match="no administrator would be left"), database.transaction() as transaction:
            transaction.users.change("root", role=Role.USER)
        with pytest.raises(Conflict, match="no administrator would be left"), database.transaction() as transaction:
            transaction.users.change("root", is_disabled=True)
        with database.reading() as transaction:
            assert transaction.users.get("root").role is Role.ADMIN

    def test_the_anonymous_user_is_the_settings_affair(self, database: Database) -> None:
        with pytest.raises(Conflict, match="QSERVER_AUTH"), database.transaction() as transaction:
            transaction.users.change("anonymous", role=Role.ADMIN)

    def test_who_is_not_there_is_not_changed(self, database: Database) -> None:
        with pytest.raises(NotFound, match="there is no user eve"), database.transaction() as transaction:
            transaction.users.change("eve", role=Role.USER)

    def test_a_disabled_user_has_no_good_key_until_enabled(self, database: Database) -> None:
        add_user(database, "root", Role.ADMIN)
        key = add_key(database, add_user(database, "ada"))
        directory = DatabaseDirectory(database)

        with database.transaction() as transaction:
            first = transaction.users.change("ada", is_disabled=True)
            again = transaction.users.change("ada", is_disabled=True)
        assert first.disabled_at == again.disabled_at is not None
        assert directory.find_key(hash_key(key)) is None

        with database.transaction() as transaction:
            transaction.users.change("ada", is_disabled=False)
        assert directory.find_key(hash_key(key)) is not None


class TestUsersOfAnIssuer:
    def test_the_same_subject_is_the_same_user(self, database: Database) -> None:
        first, again = take_in(database, "1", "ada"), take_in(database, "1", "ada.l", Role.ADMIN)

        assert first is not None
        assert again is not None
        assert (first.user_id, first.name, first.role) == (again.user_id, "ada", Role.USER)
        assert (again.name, again.role) == ("ada", Role.ADMIN)

    def test_a_name_that_is_taken_gives_nobody_anothers_jobs(self, database: Database) -> None:
        local = add_user(database, "ada", Role.ADMIN)
        foreign, other = take_in(database, "1", "ada"), take_in(database, "2", "ada")

        assert foreign is not None
        assert other is not None
        assert len({local.user_id, foreign.user_id, other.user_id}) == 3
        assert re.fullmatch(r"ada \([0-9a-f]{8}\)", foreign.name)

    def test_each_token_is_judged_by_its_own_role(self, database: Database) -> None:
        heard: list[Change] = []
        take_in(database, "1", "ada")
        subscription = database.changes.subscribe(heard.append)

        found = [take_in(database, "1", "ada", role) for role in (Role.ADMIN, Role.USER, Role.VIEWER, Role.ADMIN)]
        add_user(database, "root", Role.ADMIN)
        with database.transaction() as transaction:
            transaction.users.change("root", role=Role.ADMIN)

        assert [identity and identity.role for identity in found] == [Role.ADMIN, Role.USER, Role.VIEWER, Role.ADMIN]
        with database.reading() as transaction:
            assert transaction.users.get("ada").role is Role.ADMIN  # the last one, to be shown
        wait_until(lambda: bool(heard), what="the change of root's role is told")
        subscription.close()
        assert [change.kind for change in heard].count(ChangeKind.ACCESS) == 1  # and no token is

    def test_a_later_token_gives_a_key_no_more_than_it_was_made_for(self, database: Database) -> None:
        ada = take_in(database, "1", "ada")
        assert ada is not None
        key = add_key(database, ada, scopes=ada.permissions)

        take_in(database, "1", "ada", Role.ADMIN)
        holder = DatabaseDirectory(database).find_key(hash_key(key))

        assert holder is not None
        assert holder.identity.permissions == {Permission.NONE, Permission.READ, Permission.SUBMIT}
        take_in(database, "1", "ada", Role.VIEWER)
        holder = DatabaseDirectory(database).find_key(hash_key(key))
        assert holder is not None
        assert not holder.identity.may(Permission.SUBMIT)

    def test_their_role_is_their_issuers_affair(self, database: Database) -> None:
        take_in(database, "1", "ada")

        with pytest.raises(Conflict, match="comes with their tokens"), database.transaction() as transaction:
            transaction.users.change("ada", role=Role.ADMIN)

    def test_one_who_is_shut_out_stays_out(self, database: Database) -> None:
        add_user(database, "root", Role.ADMIN)
        take_in(database, "1", "ada")
        with database.transaction() as transaction:
            transaction.users.change("ada", is_disabled=True)

        assert take_in(database, "1", "ada", Role.ADMIN) is None


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
        heard: list[Change] = []
        subscription = database.changes.subscribe(heard.append)
        with database.transaction() as transaction:
            (record,) = transaction.keys.list(ada)
            transaction.keys.revoke(record.id, ada)

        wait_until(lambda: any(change.kind is ChangeKind.ACCESS for change in heard), what="the change is told")
        subscription.close()
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
                return transaction.keys.replace_named(NewKey(hash_key(key), ada.user_id, "first", EVERYTHING))

        assert [put(old), put(old), put(new), put(new)] == [True, False, True, False]
        directory = DatabaseDirectory(database)
        found = [directory.find_key(hash_key(key)) is not None for key in (other, old, new)]
        assert found == [True, False, True]

        assert not put(old)  # it was replaced because somebody may have it
        assert directory.find_key(hash_key(old)) is None
        assert directory.find_key(hash_key(new)) is not None


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
        assert [(entry.actor, entry.action) for entry in entries] == [("QSERVER_ADMIN_KEY", AuditAction.KEY_ADDED)] * 2

    def test_nobody_becomes_administrator_by_their_name(self, database: Database) -> None:
        take_in(database, "1", "admin")

        with pytest.raises(Conflict, match="comes by tokens of"):
            store_admin_key(database, make_key())

    @pytest.mark.parametrize("key", ["secret", "qserver_short", "x" * 64])
    def test_one_that_could_be_guessed_is_none(self, key: str) -> None:
        with pytest.raises(SettingsError, match="at least 32 random characters"):
            check_admin_key(key)


class TestAudit:
    def test_what_was_done_is_read_newest_first(self, database: Database) -> None:
        ada = Identity(uuid4(), "ada", Role.ADMIN, address="192.0.2.7")
        with database.transaction() as transaction:
            for number in range(3):
                transaction.audit.record(ada, AuditAction.USER_ADDED, f"user-{number}", {"role": "user"})

        with database.reading() as transaction:
            newest = transaction.audit.list(limit=2)
            rest = transaction.audit.list(limit=2, before_id=newest[-1].id)

        assert [entry.subject for entry in (*newest, *rest)] == ["user-2", "user-1", "user-0"]
        entry = newest[0]
        assert (entry.actor, entry.address, entry.action) == ("ada", "192.0.2.7", AuditAction.USER_ADDED)
        assert entry.detail == {"role": "user"}

    def test_what_is_undone_leaves_no_trace(self, database: Database) -> None:
        with suppress(NotFound), database.transaction() as transaction:
            transaction.audit.record(ANONYMOUS, AuditAction.USER_ADDED, "ada")
            transaction.users.get("nobody")

        with database.reading() as transaction:
            assert transaction.audit.list(limit=9) == []

    def test_it_is_kept_for_its_time(self, database: Database) -> None:
        with database.transaction() as transaction:
            for number in range(3):
                transaction.audit.record(ANONYMOUS, AuditAction.USER_ADDED, f"user-{number}")

        with database.transaction() as transaction:
            assert transaction.retention.remove_old_audit(keep_days=1).count == 0
            assert transaction.retention.remove_old_audit(keep_days=0).count == 0  # for ever
        with database.transaction() as transaction:
            assert transaction.retention.remove_old_audit(keep_days=1e-12, dry_run=True).count == 3
            assert transaction.retention.remove_old_audit(keep_days=1e-12, limit=2).count == 2
            assert [entry.subject for entry in transaction.audit.list(limit=9)] == ["user-2"]
