"""What every body of a request is: a closed object whose faults stay few, however much of it is wrong.

Pydantic looks at all of a value and writes a fault for each part that is wrong: for a body of 2 MB, a GB of them.
"""

from itertools import islice
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rest_api.errors import MAX_FAULTS, WrongBody

Item = TypeVar("Item")

MAX_LISTED = 10_000_000
"""Length of lists whose limit is a setting: jobs_server counts those, and its refusal names the setting."""

ListOf = Annotated[list[Item], Field(max_length=MAX_LISTED, fail_fast=True)]
"""A list that is looked at up to its first wrong item, as every list of a body must be; a test sees to it."""


class RequestBody(BaseModel):
    """An object of known members. Each is at most one fault, and of unknown ones only the first are told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _forget_most_unknown(cls, value: object) -> object:
        known = cls.model_fields
        if not isinstance(value, dict) or len(value) <= len(known) + MAX_FAULTS:
            return value
        told = islice((name for name in value if name not in known), MAX_FAULTS)
        return {name: value[name] for name in (*known, *told) if name in value}


def checked(value: object, kind: type[RequestBody]) -> RequestBody:
    """Make a body of what its JSON holds. Raises WrongBody."""
    try:
        return kind.model_validate(value, from_attributes=True)  # as FastAPI does, so that its words are the same
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise WrongBody([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from error
