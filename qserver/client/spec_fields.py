"""What people give for a plain field of a spec, put there or refused by the field's name."""

from collections.abc import Mapping
from types import MappingProxyType

from qserver.errors import InvalidRequest
from qserver.rpc.v1 import jobs_pb2

_WHOLE_NUMBER = "a whole number below 2^63"

_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "backend": "the name of a backend",
        "shots": _WHOLE_NUMBER,
        "seed": _WHOLE_NUMBER,
        "precision": "a number",
        "priority": "a whole number from -100 to 100",
        "time_limit_seconds": "a number",
        "request_id": "text",
        "cache": "True or False",
    }
)


def set_field(spec: jobs_pb2.JobSpec, name: str, value: object) -> None:
    """Put a value into a field of `_KINDS`; None leaves it out. Raises InvalidRequest for another type, or range."""
    if value is None:
        return
    try:
        setattr(spec, name, value)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"{name} is {value!r}; it must be {_KINDS[name]}") from error
