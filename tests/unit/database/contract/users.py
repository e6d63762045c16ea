"""Users: added by an administrator, or taken in on an issuer's word."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from database import ChangeKind, Database
from database.directory import DatabaseDirectory
from database.people_records import AuditAction
from qserver.access.keys import hash_key
from qserver.errors import AlreadyExists, Conflict, NotFound
from qserver.identity import GUEST, Permission, Role
from qserver.settings import QuotaSettings
from tests.unit.database.builders import JobBuilder, submitted
from tests.unit.database.contract.people import add_key, add_user, take_in
from tests.unit.database.contract.quotas import limits_of, submit
from tests.unit.database.contract.transactions import PATIENCE_SECONDS, listening


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
        add_user(database, "root", Role.ADMIN)
        add_user(database, "ada")
        changes = listening(database)

        with database.transaction() as transaction:
            changed = transaction.users.change("ada", role=Role.ADMIN)

        assert changed.role is Role.ADMIN
        assert changes.get(timeout=PATIENCE_SECONDS).kind is ChangeKind.ACCESS

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
        take_in(database, "1", "ada")
        changes = listening(database)

        found = [take_in(database, "1", "ada", role) for role in (Role.ADMIN, Role.USER, Role.VIEWER, Role.ADMIN)]
        add_user(database, "root", Role.ADMIN)
        with database.transaction() as transaction:
            transaction.users.change("root", role=Role.ADMIN)
        submitted(database)

        assert [identity and identity.role for identity in found] == [Role.ADMIN, Role.USER, Role.VIEWER, Role.ADMIN]
        with database.reading() as transaction:
            assert transaction.users.get("ada").role is Role.ADMIN  # the last one, to be shown
        told = [changes.get(timeout=PATIENCE_SECONDS).kind for _ in range(2)]
        assert told == [ChangeKind.ACCESS, ChangeKind.WORK]  # of root's role, of a job, and of no token

    def test_an_older_token_raises_nobody_whom_a_newer_one_lowered(self, database: Database) -> None:
        now = datetime.now(UTC)
        ada = take_in(database, "1", "ada", Role.ADMIN, issued_at=now - timedelta(hours=1))
        assert ada is not None
        key = add_key(database, ada)

        def role_after(role: Role, issued_at: datetime) -> Role:
            bearer = take_in(database, "1", "ada", role, issued_at=issued_at)
            assert bearer is not None
            assert bearer.role is role  # each request by its own token
            holder = DatabaseDirectory(database).find_key(hash_key(key))
            assert holder is not None
            return holder.identity.role

        assert role_after(Role.USER, now) is Role.USER
        assert role_after(Role.ADMIN, now - timedelta(hours=1)) is Role.USER
        assert role_after(Role.ADMIN, now) is Role.USER  # of the same second the lower one counts
        assert role_after(Role.VIEWER, now) is Role.VIEWER
        assert role_after(Role.USER, now - timedelta(seconds=1)) is Role.VIEWER
        assert role_after(Role.ADMIN, now + timedelta(seconds=1)) is Role.ADMIN

    def test_an_older_token_lowers_nobody_whom_a_newer_one_raised(self, database: Database) -> None:
        now = datetime.now(UTC)
        take_in(database, "1", "ada", Role.ADMIN, issued_at=now)

        take_in(database, "1", "ada", Role.VIEWER, issued_at=now - timedelta(seconds=1))

        with database.reading() as transaction:
            assert transaction.users.get("ada").role is Role.ADMIN

    def test_of_many_tokens_at_once_the_newest_counts(self, database: Database) -> None:
        now = datetime.now(UTC)
        roles = [Role.ADMIN, Role.USER, Role.VIEWER] * 8
        take_in(database, "1", "ada", issued_at=now)

        with ThreadPoolExecutor(8) as pool:
            for number, role in enumerate(roles, 1):
                pool.submit(take_in, database, "1", "ada", role, issued_at=now + timedelta(seconds=number))

        with database.reading() as transaction:
            assert transaction.users.get("ada").role is roles[-1]

    def test_what_an_older_token_of_an_administrator_submits_counts_for_its_user(self, database: Database) -> None:
        now, quotas = datetime.now(UTC), QuotaSettings(max_pending_jobs_per_user=2)
        ada = take_in(database, "1", "ada", issued_at=now)
        assert ada is not None
        assert limits_of(submit(database, quotas, JobBuilder(owner=ada))) == [None]

        as_admin = take_in(database, "1", "ada", Role.ADMIN, issued_at=now - timedelta(hours=1))
        assert as_admin is not None
        assert limits_of(submit(database, quotas, *[JobBuilder(owner=as_admin)] * 2)) == [None, None]

        assert limits_of(submit(database, quotas, JobBuilder(owner=ada))) == ["max_pending_jobs_per_user"]

    def test_whom_a_token_brings_stands_in_the_audit_trail(self, database: Database) -> None:
        for role in (Role.USER, Role.USER, Role.ADMIN):
            take_in(database, "1", "ada", role)

        with database.reading() as transaction:
            entries = transaction.audit.list(limit=9)
        assert [(each.action, each.actor, each.subject, each.detail["role"]) for each in entries] == [
            (AuditAction.USER_CHANGED, "ada", "ada", "admin"),
            (AuditAction.USER_ADDED, "ada", "ada", "user"),
        ]
        assert entries[0].detail["by"] == "https://id.example.org"

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
