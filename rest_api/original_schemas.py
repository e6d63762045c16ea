"""What the service answers in the original service's words, as values like those of `schemas`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from qserver.jobs import JobStatus
from rest_api.schemas import Counts, Owner, QuasiDist, Values

# Pydantic needs `object` here: the recursive alias of qserver.json_types would end up as a recursive schema.
FreeObject = Annotated[Mapping[str, object], Field(description="free members, given back as they came")]


@dataclass(frozen=True, slots=True)
class Message:
    """The original's answer to an action."""

    msg: Annotated[str, Field(examples=["Success"])]


@dataclass(frozen=True, slots=True)
class ResultTypes:
    """Which of the original's result types the job asked for."""

    id: UUID
    job_id: UUID
    counts: bool
    quasi_dist: bool
    expval: bool


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a job in the original's form. Where there are none, both ids are empty texts."""

    id: UUID | Literal[""]
    job_id: UUID | Literal[""]
    counts: Counts
    quasi_dist: QuasiDist
    expval: Values


@dataclass(frozen=True, slots=True)
class Job:
    """A job in the original's form."""

    id: UUID
    pointer: Annotated[int, Field(description="rises with each submission")]
    target_simulator: Annotated[str, Field(description="name of the backend", examples=["aer"])]
    qasm: Annotated[str, Field(description="source of the circuit; empty for a binary one: see its /circuit")]
    status: JobStatus
    submission_date: datetime
    start_time: datetime | None
    finish_time: datetime | None
    metadata: FreeObject
    result_types: ResultTypes
    results: Results
    owner: Owner


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """What is remembered of a job that is over. `id` is the row's own serial number."""

    id: int
    job_id: UUID
    pointer: int
    target_simulator: str
    qasm: Annotated[str, Field(description="empty once the circuit itself was removed")]
    status: JobStatus
    submission_date: datetime
    start_time: datetime | None
    finish_time: datetime
    metadata: FreeObject
    result_types: ResultTypes
    results: Results
    owner: Owner


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend in the original's form."""

    backend_name: Annotated[str, Field(examples=["aer"])]
    id: UUID
    pointer: Annotated[int, Field(description="rises with each registration")]
    plugin: Annotated[str, Field(examples=["aer"])]
