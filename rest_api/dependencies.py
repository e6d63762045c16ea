"""What routes ask for: the caller, the neighbours, and the parameters that many of them share."""

from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

from fastapi import Depends, Path, Query, Request

from qserver.access.visitor import Visitor, credential_of
from qserver.addresses import plain_address
from qserver.errors import PermissionDenied
from qserver.identity import HTTP_RULES, NOBODY, Identity, Permission
from rest_api.patterns import PRINTABLE, PRINTABLE_PART
from rest_api.services import Services
from rest_api.shared_results import SharedResults
from rest_api.whole_numbers import IN_DIGITS

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

MAX_CURSOR = 2**63 - 1
MAX_NAME_LENGTH = 200
_CALLER = "qserver.caller"


def services_of(request: Request) -> Services:
    """Give what the application was built with."""
    return cast("Services", request.app.state.services)


async def find_services(request: Request) -> Services:
    """Give what the application was built with, to a route."""
    return services_of(request)


async def find_shared_results(request: Request) -> SharedResults:
    """Give to a route what reads single results."""
    return cast("SharedResults", request.app.state.shared_results)


def rule_of(method: str, path: str) -> str:
    """Name the rule of a route in `HTTP_RULES`: HEAD needs what GET needs."""
    return f"{'GET' if method == 'HEAD' else method} {path}"


def visitor_of(request: Request) -> Visitor:
    """Read who asks to come in. Address and scheme are those that a trusted proxy saw, or the connection's own.

    Raises Unauthenticated for an `Authorization` that is none.
    """
    return Visitor(
        credential=credential_of(request.headers.get("authorization")),
        address=plain_address(request.client.host) if request.client else "",
        is_encrypted=request.url.scheme == "https",
    )


async def identify(request: Request) -> Identity:
    """Establish who calls, once a request.

    Raises Unauthenticated where that can't be told, PermissionDenied unless the table of rules lets them use the route.
    """
    if _CALLER not in request.scope:
        request.scope[_CALLER] = await _admitted(request)
    return cast("Identity", request.scope[_CALLER])


async def _admitted(request: Request) -> Identity:
    route = cast("APIRoute", request.scope["route"])
    rule = rule_of(request.method, route.path)
    if rule not in HTTP_RULES:
        raise PermissionDenied(f"no rule says who may call {rule}")
    permission = HTTP_RULES[rule]
    if permission is Permission.NONE:
        return NOBODY
    caller = await services_of(request).authenticator.admit(visitor_of(request))
    if permission is not None:
        caller.require(permission)
    return caller


Caller = Annotated[Identity, Depends(identify)]
Neighbours = Annotated[Services, Depends(find_services)]
SharedReading = Annotated[SharedResults, Depends(find_shared_results)]
JobId = Annotated[UUID, Path(alias="id", description="the job's id, a UUID")]
Cursor = Annotated[int, Query(ge=0, le=MAX_CURSOR, description="how many to skip from the start"), IN_DIGITS]
JobOwner = Annotated[
    str | None,
    Query(
        alias="user",
        min_length=1,
        max_length=MAX_NAME_LENGTH,
        pattern=PRINTABLE,
        description="only jobs of this user; only administrators get jobs of others",
    ),
]
# Control characters are in no name; Postgres refuses NUL in any text.
Name = Annotated[str, Path(min_length=1, max_length=MAX_NAME_LENGTH, pattern=PRINTABLE_PART, description="its name")]
