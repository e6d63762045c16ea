"""A job's changes of state, live."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from qserver.access.open_streams import Admission
from qserver.identity import Permission
from rest_api.dependencies import Caller, JobId, Neighbours, identify, visitor_of
from rest_api.event_hub import Watch
from rest_api.event_stream import JobEvents
from rest_api.openapi import event_stream, refusals
from rest_api.service_route import ServiceRoute
from rest_api.views import API_PREFIX
from rest_api.whole_numbers import IN_DIGITS

HEARTBEAT_SECONDS = 15
MAX_SEQUENCE = 2**63 - 1
EXAMPLE = (
    'id: 1\ndata: {"sequence":1,"status":"pending","at":"2026-01-31T12:00:00+00:00","reason":null,"message":null,'
    '"actor":"ada","address":null}\n\n'
)

router = APIRouter(prefix=API_PREFIX, tags=["jobs"], dependencies=[Depends(identify)], route_class=ServiceRoute)


async def watch_job(request: Request, job_id: JobId, caller: Caller, neighbours: Neighbours) -> AsyncIterator[Watch]:
    """Hold one of the limited event streams until the response has ended.

    Raises QuotaExceeded where the caller has as many as they may, Overloaded where all are taken.
    """
    admission = Admission(visitor_of(request), caller, Permission.READ)
    open_streams = neighbours.open_streams
    with (
        open_streams.share(caller),
        neighbours.event_hub.watch(job_id) as watch,
        open_streams.hold(admission, watch.refuse),
    ):
        yield watch


def _heartbeat() -> ServerSentEvent:
    return ServerSentEvent(comment="heartbeat", sep="\n")


@router.get(
    "/job/{id}/events",
    operation_id="followJob",
    summary="Follow a job",
    response_class=Response,
    responses={
        HTTPStatus.OK.value: {
            "description": "Server-sent events; the data of each is an `Event`, that of an `error` a problem.",
            "content": event_stream(EXAMPLE),
        },
        HTTPStatus.NO_CONTENT.value: {"description": "The job is over and every event was seen: don't come back."},
        **refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE),
    },
)
async def follow_job(
    job_id: JobId,
    caller: Caller,
    neighbours: Neighbours,
    watch: Annotated[Watch, Depends(watch_job)],
    last_event_id: Annotated[
        int, Header(ge=0, le=MAX_SEQUENCE, description="sequence number of the last event already seen"), IN_DIGITS
    ] = 0,
) -> Response:
    """Send every event after `Last-Event-ID`, past ones first, as they come; the stream ends with the final one.

    A browser's `EventSource` resumes by itself after a broken connection. A comment is sent every 15 seconds. Where
    the key or token is revoked or ends meanwhile, the last event is an `error` whose data is the problem document.
    """
    events = JobEvents(neighbours.database, job_id, caller)
    first = await events.read(last_event_id)
    if first.is_over and not first.events:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return EventSourceResponse(
        events.follow(first, watch, after_sequence=last_event_id),
        ping=HEARTBEAT_SECONDS,
        ping_message_factory=_heartbeat,
        sep="\n",
    )
