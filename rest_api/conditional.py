"""Answers that a client may keep and ask for again: entity tags and 304 (RFC 9110, sections 8.8.3 and 13.1.2).

Only what doesn't change any more is tagged: circuits, and jobs that are over, but that results are removed one day.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Request, Response

from qserver.jobs import Job
from rest_api.openapi import Responses

FORM: Final = 2
"""Rises when what a route says of the same job changes its form: what clients keep is then no longer good."""

NOT_MODIFIED: Responses = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "The answer is still the one with this ETag."}
}

_OPAQUE_TAG: Final = re.compile(r'(?:W/)?("[^"]*")')


async def if_none_match(
    request: Request,
    _first_line: Annotated[
        str, Header(alias="If-None-Match", description="the ETag of an earlier answer: 304 where it still holds")
    ] = "",
) -> str:
    """Read the header, which may take several lines."""
    return ",".join(request.headers.getlist("If-None-Match"))


IfNoneMatch = Annotated[str, Depends(if_none_match)]


def job_tag(job: Job, result_id: UUID | None) -> str | None:
    """Name the state of a job that is over, with the results that it still has; None while it waits or runs."""
    if not job.status.is_final:
        return None
    return f'"{FORM}-{job.id}-{job.event_sequence}-{result_id or "none"}"'


def result_tag(result_id: UUID) -> str:
    """Name a result, which is never rewritten."""
    return f'"{FORM}-{result_id}"'


def circuit_tag(circuit_id: UUID) -> str:
    """Name a circuit, which is never rewritten."""
    return f'"{FORM}-{circuit_id}"'


def noise_model_tag(sha256: bytes) -> str:
    """Name a noise model, by its content."""
    return f'"{FORM}-{sha256.hex()}"'


def is_known(tag: str, named: str) -> bool:
    """Whether the header names this tag, weak or strong, among others or by `*`."""
    return named.strip() == "*" or tag in _OPAQUE_TAG.findall(named)


def tagged(tag: str | None) -> Mapping[str, str]:
    """Give the headers of an answer: kept by the client alone, and asked for again each time."""
    return {} if tag is None else {"ETag": tag, "Cache-Control": "private, no-cache"}


def not_modified(tag: str) -> Response:
    """Answer that the client has the answer."""
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=tagged(tag))
