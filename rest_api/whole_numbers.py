"""Whole numbers of a request's head, as everybody writes them. Python also takes `1_0`, ` 10` and `+10` for ten."""

import re
from typing import Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_WHOLE = re.compile("-?[0-9]+")


def _in_digits(value: object) -> object:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise PydanticCustomError("int_parsing", "Input should be a whole number, written in digits alone")
    return value


IN_DIGITS: Final = BeforeValidator(_in_digits)
"""Stands behind the bounds of a parameter: before them, Pydantic leaves them out of its JSON Schema."""
