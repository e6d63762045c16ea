"""What people did, and from where."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from database.people_records import AuditAction, AuditRecord
from database.tables import audit
from database.work import Work
from qserver.identity import Identity


class Audit:
    """The audit trail: it grows, and only retention removes from it."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def record(
        self, actor: Identity, action: AuditAction, subject: str, detail: Mapping[str, str | list[str]] | None = None
    ) -> None:
        """Remember what `actor` did to `subject` (a job's id, a name), in the transaction that does it.

        `detail` says more, and gets the id of the key in use besides.
        """
        row = {
            "actor_id": actor.user_id,
            "actor": actor.name,
            "address": actor.address or None,
            "action": action,
            "subject": subject,
            "detail": {**(detail or {}), **({"with_key": str(actor.key_id)} if actor.key_id else {})},
        }
        self._work.execute(audit.insert().values(row))

    def list(self, *, limit: int, before_id: int | None = None) -> Sequence[AuditRecord]:
        """Give a page, newest first: what came before `before_id`, or the newest there is."""
        statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before_id is not None:
            statement = statement.where(audit.c.id < before_id)
        return [
            AuditRecord(
                id=row["id"],
                at=row["at"],
                actor=row["actor"],
                address=row["address"],
                action=AuditAction(row["action"]),
                subject=row["subject"],
                detail=row["detail"],
            )
            for row in self._work.execute(statement).mappings()
        ]
