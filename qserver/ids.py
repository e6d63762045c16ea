"""Ids of rows that come by the million."""

import os
import time
from typing import Final
from uuid import UUID

_VERSION: Final = 7 << 76
_VARIANT: Final = 0b10 << 62
_RANDOM_A: Final = (1 << 12) - 1
_RANDOM_B: Final = (1 << 62) - 1


def new_id() -> UUID:
    """Make a UUID of version 7 (RFC 9562, section 5.7): 48 bits of the time in milliseconds, then 74 random ones.

    Rows that are made together lie together in their indexes. Ids that are random throughout make each insert touch
    pages of its own in every index, and write each of them to the log whole after a checkpoint. `uuid.uuid7` of Python
    3.14 is the same.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    return UUID(
        int=(milliseconds << 80) | _VERSION | ((random >> 62) & _RANDOM_A) << 64 | _VARIANT | (random & _RANDOM_B)
    )
