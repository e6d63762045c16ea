"""Noise models, found by their hash, or by a job that has one."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select

from database.jobs.reading import get
from database.jobs.rows import visible_to
from database.tables import job_noise_models, jobs, noise_models
from database.work import Work
from qserver.errors import NotFound
from qserver.identity import Identity
from qserver.noise_models import OPTION, NoiseModel


class NoiseModels:
    """The stored noise models."""

    def __init__(self, work: Work) -> None:
        """Work within one transaction."""
        self._work = work

    def find(self, owner_id: UUID, sha256: bytes) -> NoiseModel | None:
        """Find a model by its hash; None where its owner has none of it."""
        statement = select(noise_models.c.document).where(
            noise_models.c.owner_id == owner_id, noise_models.c.sha256 == sha256
        )
        text = self._work.execute(statement).scalar()
        return None if text is None else NoiseModel(sha256, bytes(text))

    def of_job(self, job_id: UUID, identity: Identity) -> NoiseModel:
        """Give a job's noise model, also a small one that its options hold. Raises NotFound."""
        statement = (
            select(noise_models.c.sha256, noise_models.c.document)
            .join(job_noise_models, job_noise_models.c.noise_model_id == noise_models.c.id)
            .join(jobs, jobs.c.id == job_noise_models.c.job_id)
            .where(jobs.c.id == job_id)
        )
        condition = visible_to(identity)
        row = self._work.execute(statement if condition is None else statement.where(condition)).first()
        return self._of_options(job_id, identity) if row is None else NoiseModel(bytes(row[0]), bytes(row[1]))

    def _of_options(self, job_id: UUID, identity: Identity) -> NoiseModel:
        options = get(self._work, job_id, identity).request.run.options
        model = options.get(OPTION)
        if not isinstance(model, Mapping):
            raise NotFound(f"job {job_id} has no noise model")
        return NoiseModel.of(model)
