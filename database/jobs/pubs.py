"""The PUBs of jobs of PUBs: as rows when they are stored, and read again when such a job is claimed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from json import dumps
from typing import cast
from uuid import UUID

from sqlalchemy import RowMapping, and_, select

from database.circuits import circuit_from
from database.documents import InputsDocument, PlanDocument, decode_inputs, decode_plan, encode_inputs, encode_plan
from database.records import CircuitKey, ClaimedJob, ClaimedPub, NewJob, NewPub
from database.sweep_documents import decode_sweep
from database.tables import circuits, pub_values, pubs
from database.work import Parameters, Work
from qserver.circuits import Circuit
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject


def pubs_content(submitted: Iterable[tuple[bytes, RunRequest]]) -> bytes:
    """Give the SHA-256 of all that the PUBs of a submission say: each a source, and how it is to be run."""
    content = sha256()
    for source, run in submitted:
        words = dumps(encode_inputs(run), sort_keys=True, separators=(",", ":")).encode()
        values = b"" if run.sweep is None else run.sweep.values
        for part in (source, words, values):
            content.update(sha256(part).digest())
    return content.digest()


def pub_rows(new: NewJob) -> Iterator[tuple[CircuitKey, Parameters]]:
    """Write the PUBs of a job, each beside the circuit that it names."""
    for pub_index, pub in enumerate(new.pubs):
        row: Parameters = {"job_id": new.id, "pub_index": pub_index, "inputs": _encode_pub(pub)}
        yield (new.identity.user_id, pub.circuit_sha256), row


def values_rows(new: NewJob) -> Sequence[Parameters]:
    """Write the values of the PUBs that have any: none of a job of one circuit."""
    return [
        {"job_id": new.id, "pub_index": pub_index, "data": pub.run.sweep.values}
        for pub_index, pub in enumerate(new.pubs)
        if pub.run.sweep is not None and pub.run.sweep.values
    ]


def with_pubs(work: Work, claimed: Sequence[ClaimedJob]) -> tuple[ClaimedJob, ...]:
    """Give the jobs, those of PUBs with what is needed to run them."""
    job_ids = [each.job.id for each in claimed if each.job.request.num_pubs]
    rows: defaultdict[UUID, list[RowMapping]] = defaultdict(list)
    for row in _select_pubs(work, job_ids):
        rows[row["job_id"]].append(row)
    circuit_ids = {row["circuit_id"] for of_job in rows.values() for row in of_job}
    found = _select_circuits(work, sorted(circuit_ids))
    return tuple(_with(each, [_claimed_pub(row, each, found) for row in rows[each.job.id]]) for each in claimed)


def _with(claimed: ClaimedJob, pubs_of_job: Sequence[ClaimedPub]) -> ClaimedJob:
    return replace(claimed, pubs=tuple(pubs_of_job)) if pubs_of_job else claimed


def _select_pubs(work: Work, job_ids: Sequence[UUID]) -> Sequence[RowMapping]:
    of_pub = and_(pub_values.c.job_id == pubs.c.job_id, pub_values.c.pub_index == pubs.c.pub_index)
    statement = (
        select(pubs, pub_values.c.data)
        .select_from(pubs.outerjoin(pub_values, of_pub))
        .where(work.among(pubs.c.job_id, job_ids))
        .order_by(pubs.c.job_id, pubs.c.pub_index)
    )
    return work.execute(statement).mappings().all()


def _select_circuits(work: Work, circuit_ids: Sequence[UUID]) -> Mapping[UUID, Circuit]:
    """Read each circuit once, however many PUBs share it."""
    rows = work.execute(select(circuits).where(work.among(circuits.c.id, circuit_ids))).mappings()
    return {row["id"]: circuit_from(row) for row in rows}


def _claimed_pub(row: RowMapping, claimed: ClaimedJob, found: Mapping[UUID, Circuit]) -> ClaimedPub:
    inputs = cast("InputsDocument", row["inputs"])
    sweep = decode_sweep(inputs["sweep"], bytes(row["data"] or b""))
    run = replace(decode_inputs(claimed.job.request.run, inputs), sweep=sweep)
    return ClaimedPub(found[row["circuit_id"]], run, decode_plan(inputs["plan"]))


def _encode_pub(pub: NewPub) -> JsonObject:
    plan = cast("PlanDocument", encode_plan(pub.plan))
    return cast("JsonObject", {**encode_inputs(pub.run), "plan": plan})
