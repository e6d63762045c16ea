"""Writing values as JSON."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

import orjson
from fastapi import Response

JSON_MEDIA_TYPE = "application/json"


def encode(value: object) -> bytes:
    """Write dataclasses, mappings, UUIDs and times as JSON; times are RFC 3339 with an offset."""
    try:
        return orjson.dumps(value, default=_plain)
    except orjson.JSONEncodeError:
        # orjson stops at 64-bit integers. Metadata may hold larger ones, and is given back as it came.
        return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def json_response(
    value: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with `value` as JSON."""
    return Response(encode(value), status_code=status, headers=headers, media_type=JSON_MEDIA_TYPE)


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return dict(value)
        case UUID():
            return str(value)
        case datetime():
            return value.isoformat()
        case _ if is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        case _:
            raise TypeError(f"a {type(value).__name__} is no JSON")
