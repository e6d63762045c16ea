"""Results as JSON text. What is stored is JSON already: it is passed on as it is, never parsed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

import orjson

from database.job_results import no_job, why_none
from database.records import JobResult, PlainResult, StoredDocument
from database.result_documents import all_members_of
from qserver.jobs import JobStatus
from qserver.results import RESULT_SCHEMA, RESULT_SCHEMA_VERSION
from rest_api.json_response import JSON_MEDIA_TYPE, encode
from rest_api.views import packed_array

NDJSON_MEDIA_TYPE = "application/x-ndjson"


_FINISHED: Final = f'"status":"{JobStatus.FINISHED}","reason":null,"message":null'

Value: TypeAlias = Mapping[str, object] | orjson.Fragment
"""What came of a job, to be encoded."""


class Form(StrEnum):
    """How many values make one body."""

    ARRAY = JSON_MEDIA_TYPE  # one array of them
    LINES = NDJSON_MEDIA_TYPE  # a line each


def wanted_form(accept: str) -> Form:
    """Choose by an Accept header: whichever form it names first, an array where it names none."""
    named = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((Form(name) for name in named if name in set(Form)), Form.ARRAY)


def plain_value(plain: PlainResult) -> orjson.Fragment:
    """Give what came of a job as a `schemas.JobResult`, to be encoded: nothing but its id and document differ."""
    return orjson.Fragment(f'{{"job_id":"{plain.job_id}",{_FINISHED},"results":[{plain.text}]}}')


def result_value(job_id: UUID, result: JobResult | None) -> Mapping[str, object]:
    """Give what came of a job as a `schemas.JobResult`, to be encoded; None where the caller has no such job.

    A mapping, whose parts orjson writes itself: for 500 jobs a dataclass, or text put together here, takes twice as
    long.
    """
    if result is not None and result.documents:
        return {
            "job_id": job_id,
            "status": result.status,
            "reason": None,
            "message": None,
            "results": [orjson.Fragment(_document_text(document)) for document in result.documents],
        }
    error = no_job(job_id) if result is None else why_none(result)
    status = None if result is None else result.status
    return {"job_id": job_id, "status": status, "reason": error.reason, "message": error.message, "results": ()}


def result_document_text(job_id: UUID, documents: Sequence[StoredDocument]) -> str:
    """Write everything that is stored of a job's results, at least one, as a `schemas.ResultDocument`."""
    results = ",".join(map(_pub_result_text, documents))
    return (
        f'{{"document":"{RESULT_SCHEMA}","version":{RESULT_SCHEMA_VERSION},"id":"{documents[0].id}",'
        f'"job_id":"{job_id}","results":[{results}]}}'
    )


def body(form: Form, values: Iterable[Value]) -> bytes:
    """Write values together."""
    match form:
        case Form.ARRAY:
            return encode(list(values))
        case Form.LINES:
            return b"".join([encode(value) + b"\n" for value in values])


def body_parts(form: Form, values: Iterable[Value]) -> Iterator[bytes]:
    """Write values piece by piece: what is large need not be in memory with the rest."""
    match form:
        case Form.ARRAY:
            yield b"["
            for position, value in enumerate(values):
                yield b"," + encode(value) if position else encode(value)
            yield b"]"
        case Form.LINES:
            for value in values:
                yield encode(value) + b"\n"


def _document_text(stored: StoredDocument) -> str:
    if not stored.arrays:
        return stored.text
    return f'{stored.text[:-1]},"arrays":{_arrays_text(stored)}}}'  # a document has members: its schema stands first


def _pub_result_text(stored: StoredDocument) -> str:
    return f'{{"arrays":{_arrays_text(stored)},{all_members_of(stored.text)}'


def _arrays_text(stored: StoredDocument) -> str:
    return encode([packed_array(array) for array in stored.arrays]).decode()
