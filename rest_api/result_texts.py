"""Results as JSON text. What is stored is JSON already: it is passed on as it is, never parsed."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from uuid import UUID

from database.job_results import no_job, why_none
from database.records import JobResult, StoredDocument
from database.result_documents import all_members_of
from qserver.results import RESULT_SCHEMA, RESULT_SCHEMA_VERSION
from rest_api import schemas
from rest_api.json_response import JSON_MEDIA_TYPE, encode
from rest_api.views import packed_array

NDJSON_MEDIA_TYPE = "application/x-ndjson"


class Form(StrEnum):
    """How many values make one body."""

    ARRAY = JSON_MEDIA_TYPE  # one array of them
    LINES = NDJSON_MEDIA_TYPE  # a line each


def wanted_form(accept: str) -> Form:
    """Choose by an Accept header: whichever form it names first, an array where it names none."""
    named = (part.partition(";")[0].strip().lower() for part in accept.split(","))
    return next((Form(name) for name in named if name in set(Form)), Form.ARRAY)


def result_text(job_id: UUID, result: JobResult | None) -> str:
    """Write what came of a job; None where the caller has no such job."""
    if result is not None and result.documents:
        documents = ",".join(map(_document_text, result.documents))
        return (
            f'{{"job_id":"{job_id}","status":"{result.status}","reason":null,"message":null,"results":[{documents}]}}'
        )
    error = no_job(job_id) if result is None else why_none(result)
    status = None if result is None else result.status
    return encode(schemas.JobResult(job_id, status, error.reason, error.message, ())).decode()


def result_document_text(job_id: UUID, documents: Sequence[StoredDocument]) -> str:
    """Write everything that is stored of a job's results, at least one, as a `schemas.ResultDocument`."""
    results = ",".join(map(_pub_result_text, documents))
    return (
        f'{{"document":"{RESULT_SCHEMA}","version":{RESULT_SCHEMA_VERSION},"id":"{documents[0].id}",'
        f'"job_id":"{job_id}","results":[{results}]}}'
    )


def body(form: Form, texts: Iterable[str]) -> str:
    """Put values together."""
    match form:
        case Form.ARRAY:
            return f"[{','.join(texts)}]"
        case Form.LINES:
            return "".join([f"{text}\n" for text in texts])


def body_parts(form: Form, texts: Iterable[str]) -> Iterator[str]:
    """Put values together piece by piece: what is large need not be in memory with the rest."""
    match form:
        case Form.ARRAY:
            yield "["
            for position, text in enumerate(texts):
                yield f",{text}" if position else text
            yield "]"
        case Form.LINES:
            for text in texts:
                yield f"{text}\n"


def _document_text(stored: StoredDocument) -> str:
    if not stored.arrays:
        return stored.text
    return f'{stored.text[:-1]},"arrays":{_arrays_text(stored)}}}'  # a document has members: its schema stands first


def _pub_result_text(stored: StoredDocument) -> str:
    return f'{{"arrays":{_arrays_text(stored)},{all_members_of(stored.text)}'


def _arrays_text(stored: StoredDocument) -> str:
    return encode([packed_array(array) for array in stored.arrays]).decode()
