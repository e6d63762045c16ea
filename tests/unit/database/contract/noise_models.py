"""Noise models: stored once an owner and content, read where their job is, removed once no job names them."""

from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from database import Database
from database.records import NamedSubmission, Removal
from database.retention import Keeping
from database.tables import job_noise_models, jobs, noise_models
from database.types import SecondsFromNow
from qserver.errors import AlreadyExists, NotFound
from qserver.identity import ANONYMOUS, Role
from qserver.jobs import Job, RunRequest
from qserver.json_types import JsonObject
from qserver.noise_models import OPTION, NoiseModel, reference_to
from qserver.results import ResultType
from tests.unit.database.builders import JobBuilder, a_user, claimed, submitted

MODEL = NoiseModel.of({"errors": [{"type": "roerror", "probabilities": [[0.9, 0.1], [0.2, 0.8]]}] * 100})
OTHER = NoiseModel.of({"errors": [{"type": "roerror", "probabilities": [[1, 0], [0, 1]]}] * 100})
SMALL: JsonObject = {"name": "readout", "p1_given_0": 0.5}
NAMING = JobBuilder(noise_model=MODEL)
NOW = 1e-9
"""Days that have passed as soon as a thing is there."""


def number_stored(database: Database) -> int:
    with database._engine.begin() as connection:
        return int(connection.execute(select(func.count()).select_from(noise_models)).scalar_one())


def model_of(database: Database, job: Job) -> NoiseModel:
    with database.reading() as transaction:
        return transaction.noise_models.of_job(job.id, ANONYMOUS)


def swept(database: Database) -> Removal:
    with database.transaction() as transaction:
        return transaction.retention.remove_unused_noise_models(keep_days=NOW)


def delete(database: Database, job: Job) -> None:
    with database.transaction() as transaction:
        transaction.jobs.delete(job.id, ANONYMOUS)


class TestNoiseModels:
    def test_a_model_is_stored_once_for_all_jobs_of_its_owner(self, database: Database) -> None:
        submitted(database, NAMING, NAMING, replace(NAMING, noise_model=OTHER))
        submitted(database, NAMING)

        assert number_stored(database) == 2

    def test_each_owner_has_their_own(self, database: Database) -> None:
        submitted(database, NAMING, replace(NAMING, owner=a_user(database, "ada")))

        assert number_stored(database) == 2

    def test_a_job_says_the_hash_alone(self, database: Database) -> None:
        (job,) = submitted(database, NAMING)

        with database.reading() as transaction:
            (listed,) = transaction.jobs.list(ANONYMOUS, limit=10)
        assert listed.request.run.options == job.request.run.options == {OPTION: reference_to(MODEL.sha256)}

    def test_jobs_claimed_together_share_one_object(self, database: Database) -> None:
        found = submitted(database, NAMING, JobBuilder(), NAMING, replace(NAMING, noise_model=OTHER))

        claims = claimed(database, [job.id for job in found])

        assert [claim.noise_model for claim in claims] == [MODEL, None, MODEL, OTHER]
        assert claims[0].noise_model is claims[2].noise_model

    def test_it_is_read_by_who_may_read_the_job(self, database: Database) -> None:
        owner, admin = a_user(database, "ada"), a_user(database, "root", Role.ADMIN)
        other = a_user(database, "eve")
        (job,) = submitted(database, replace(NAMING, owner=owner))

        with database.reading() as transaction:
            read = [transaction.noise_models.of_job(job.id, who) for who in (owner, admin)]
            with pytest.raises(NotFound, match=f"there is no job {job.id}"):
                transaction.noise_models.of_job(job.id, other)
        assert read == [MODEL, MODEL]

    def test_one_that_stands_in_the_options_is_read_as_well(self, database: Database) -> None:
        run = RunRequest("aer", frozenset({ResultType.COUNTS}), options={OPTION: SMALL})
        (job,) = submitted(database, JobBuilder(run=run))

        assert model_of(database, job) == NoiseModel.of(SMALL)

    def test_a_job_without_one_says_so(self, database: Database) -> None:
        (job,) = submitted(database)

        with pytest.raises(NotFound, match="has no noise model"):
            model_of(database, job)

    def test_it_is_found_by_its_hash_among_its_owners_alone(self, database: Database) -> None:
        submitted(database, NAMING)

        with database.reading() as transaction:
            found = transaction.noise_models.find(ANONYMOUS.user_id, MODEL.sha256)
            others = transaction.noise_models.find(uuid4(), MODEL.sha256)
            unknown = transaction.noise_models.find(ANONYMOUS.user_id, OTHER.sha256)
        assert (found, others, unknown) == (MODEL, None, None)

    def test_one_that_no_job_names_any_more_is_removed(self, database: Database) -> None:
        first, second = submitted(database, NAMING, NAMING)

        delete(database, first)
        with_one_job = swept(database)
        delete(database, second)
        with_none = swept(database)

        assert (with_one_job.count, with_none.count) == (0, 1)
        assert number_stored(database) == 0

    def test_what_is_named_again_is_kept_longer(self, database: Database) -> None:
        (job,) = submitted(database, NAMING)
        with database._engine.begin() as connection:
            connection.execute(update(noise_models).values(used_at=SecondsFromNow(-200_000)))
        (again,) = submitted(database, NAMING)
        delete(database, job)
        delete(database, again)

        with database.transaction() as transaction:
            kept = transaction.retention.remove_unused_noise_models(keep_days=1)

        assert kept.count == 0

    def test_a_dry_run_counts_those_of_jobs_that_would_go(self, database: Database) -> None:
        (job, _) = submitted(database, NAMING, replace(NAMING, noise_model=OTHER))
        with database.transaction() as transaction:
            transaction.jobs.cancel(job.id, ANONYMOUS)

        with database.transaction() as transaction:
            count = transaction.retention.count_unused_noise_models
            counts = [count(keep_days=NOW).count, count(keep_days=NOW, keep_jobs=Keeping(days=NOW)).count]

        assert counts == [0, 1]
        assert number_stored(database) == 2

    def test_a_model_sent_whole_and_one_referred_to_are_the_same_submission(self, database: Database) -> None:
        (job,) = submitted(database, replace(NAMING, request_id="mine"))
        request = replace(job.request, run=replace(job.request.run, options={OPTION: MODEL.document()}))
        other = replace(job.request, run=replace(job.request.run, options={OPTION: OTHER.document()}))

        with database.reading() as transaction:
            answers = transaction.jobs.find_first(
                [NamedSubmission(ANONYMOUS.user_id, "mine", each, NAMING.source) for each in (request, other)]
            )

        assert answers[0] == job
        assert isinstance(answers[1], AlreadyExists)

    def test_removing_a_job_leaves_no_name_behind(self, database: Database) -> None:
        (job,) = submitted(database, NAMING)

        delete(database, job)

        with database._engine.begin() as connection:
            left = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in _NAMES]
        assert left == [0, 0]


_NAMES = (job_noise_models, jobs)
