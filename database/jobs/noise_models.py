"""The noise models of jobs: stored beside those that name them, and read when they are claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import Insert, select

from database.records import ClaimedJob, NewJob
from database.tables import job_noise_models, noise_models
from database.work import BeginInsert, Parameters, Work
from qserver.ids import new_id
from qserver.noise_models import NoiseModel, named_in

_INSERT_NAMES: Final = job_noise_models.insert()


def store_noise_models(work: Work, fresh: Sequence[NewJob]) -> None:
    """Store each model once an owner, and which jobs name it; one that is there is marked as used, as circuits are."""
    found = {(new.identity.user_id, new.noise_model.sha256): new.noise_model for new in fresh if new.noise_model}
    if not found:
        return
    # All transactions lock in the same order, so that none waits in a circle.
    rows = [_row(owner_id, found[owner_id, sha256]) for owner_id, sha256 in sorted(found)]
    stored = work.insert_rows(_insert_noise_models(work.insert), rows)
    ids = {(row["owner_id"], bytes(row["sha256"])): row["id"] for row in stored}
    names: list[Parameters] = [
        {"job_id": new.id, "noise_model_id": ids[new.identity.user_id, new.noise_model.sha256]}
        for new in fresh
        if new.noise_model
    ]
    work.insert_rows(_INSERT_NAMES, names)


def with_noise_models(work: Work, claimed: Sequence[ClaimedJob]) -> tuple[ClaimedJob, ...]:
    """Give the jobs, each with the model that it names: one object for all of them that name the same."""
    job_ids = [each.job.id for each in claimed if named_in(each.job.request.run.options) is not None]
    if not job_ids:
        return tuple(claimed)
    statement = select(job_noise_models).where(work.among(job_noise_models.c.job_id, job_ids))
    model_of_job = {row["job_id"]: row["noise_model_id"] for row in work.execute(statement).mappings()}
    models = _select(work, sorted(set(model_of_job.values())))
    return tuple(
        replace(each, noise_model=models[model_of_job[each.job.id]]) if each.job.id in model_of_job else each
        for each in claimed
    )


def _select(work: Work, model_ids: Sequence[UUID]) -> Mapping[UUID, NoiseModel]:
    rows = work.execute(select(noise_models).where(work.among(noise_models.c.id, model_ids))).mappings()
    return {row["id"]: NoiseModel(bytes(row["sha256"]), bytes(row["document"])) for row in rows}


@cache
def _insert_noise_models(begin: BeginInsert) -> Insert:
    insert = begin(noise_models)
    return insert.on_conflict_do_update(
        index_elements=["owner_id", "sha256"], set_={"used_at": insert.excluded.used_at}
    ).returning(noise_models.c.id, noise_models.c.owner_id, noise_models.c.sha256)


def _row(owner_id: UUID, model: NoiseModel) -> Parameters:
    return {"id": new_id(), "owner_id": owner_id, "sha256": model.sha256, "document": model.text}
