"""What people did is remembered."""

from contextlib import suppress
from uuid import uuid4

from database import Database
from database.people_records import AuditAction
from qserver.errors import NotFound
from qserver.identity import ANONYMOUS, Identity, Role


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
