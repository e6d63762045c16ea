"""Circuits: found by the hash of their source, so that none is parsed or stored twice."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from uuid import UUID

from sqlalchemy import RowMapping, and_, select

from database.documents import decode_profile
from database.job_results import no_job
from database.records import CircuitKey, StoredCircuit, StoredProfile
from database.tables import circuits, jobs, pubs
from database.work import Work
from qserver.circuits import Circuit, CircuitFormat, CircuitProfile, Inspection
from qserver.identity import Identity


def circuit_hash(circuit_format: CircuitFormat, source: bytes, *, reader: str | None) -> bytes:
    """Give the SHA-256 under which a circuit is stored: of its source and format, and of who inspected it.

    `reader` is the plugin with its version: another, or a newer one, may make something else of the same source. None
    where nobody read it.
    """
    return sha256(f"{reader or ''}\0{circuit_format}\0".encode() + source).digest()


class Circuits:
    """The stored circuits."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def find(self, keys: Collection[CircuitKey]) -> Mapping[CircuitKey, StoredProfile]:
        """Find what is known of circuits; one that isn't stored is left out."""
        statement = select(
            circuits.c.id, circuits.c.owner_id, circuits.c.sha256, circuits.c.format, circuits.c.profile
        ).where(
            self._work.among(circuits.c.owner_id, sorted({owner_id for owner_id, _ in keys})),
            self._work.among(circuits.c.sha256, sorted({sha256 for _, sha256 in keys})),
        )
        rows = self._work.execute(statement).mappings()
        found = {(row["owner_id"], bytes(row["sha256"])): _stored_profile(row) for row in rows}
        return {key: found[key] for key in keys if key in found}

    def source(self, job_id: UUID, identity: Identity) -> StoredCircuit:
        """Give a job's circuit. Raises NotFound."""
        statement = (
            select(circuits)
            .join(pubs, and_(pubs.c.circuit_id == circuits.c.id, pubs.c.pub_index == 0))
            .join(jobs, jobs.c.id == pubs.c.job_id)
            .where(jobs.c.id == job_id)
        )
        if not identity.sees_everything:
            statement = statement.where(jobs.c.owner_id == identity.user_id)
        row = self._work.execute(statement).mappings().first()
        if row is None:
            raise no_job(job_id)
        return StoredCircuit(row["id"], circuit_from(row))


def circuit_from(row: RowMapping) -> Circuit:
    """Read a circuit."""
    return circuit_with(row, _profile_from(row))


def circuit_with(row: RowMapping, profile: CircuitProfile | None) -> Circuit:
    """Read a circuit whose profile has been read already."""
    circuit_format, source = CircuitFormat(row["format"]), row["source"]
    qpy = source if circuit_format is CircuitFormat.QPY else row["qpy"]
    return Circuit(circuit_format, source, Inspection(circuit_format, profile, qpy))


def sources(work: Work, circuit_ids: Collection[UUID]) -> Mapping[UUID, tuple[CircuitFormat, bytes]]:
    """Give format and source of many circuits; one that is gone is left out."""
    statement = select(circuits.c.id, circuits.c.format, circuits.c.source).where(
        work.among(circuits.c.id, sorted(circuit_ids))
    )
    rows = work.execute(statement).mappings()
    return {row["id"]: (CircuitFormat(row["format"]), row["source"]) for row in rows}


def _stored_profile(row: RowMapping) -> StoredProfile:
    return StoredProfile(row["id"], CircuitFormat(row["format"]), _profile_from(row))


def _profile_from(row: RowMapping) -> CircuitProfile | None:
    return None if row["profile"] is None else decode_profile(row["profile"])
