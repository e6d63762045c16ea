"""The noise models of jobs: stored beside those that name them, and read when they are claimed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import select

from database.jobs.contents import store_once
from database.records import ClaimedJob, NewJob
from database.tables import job_noise_models, noise_models
from database.work import Parameters, Work
from qserver.ids import new_id
from qserver.noise_models import NoiseModel, named_in

_INSERT_NAMES: Final = job_noise_models.insert()


def store_noise_models(work: Work, fresh: Sequence[NewJob]) -> None:
    """Store each model once an owner, and which jobs name it."""
    found = {(new.identity.user_id, new.noise_model.sha256): new.noise_model for new in fresh if new.noise_model}
    if not found:
        return
    ids = store_once(work, noise_models, {key: _row(key[0], model) for key, model in found.items()})
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


def _row(owner_id: UUID, model: NoiseModel) -> Parameters:
    return {"id": new_id(), "owner_id": owner_id, "sha256": model.sha256, "document": model.text}
