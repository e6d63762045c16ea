"""What a service and its forkserver say to each other: one JSON message at a time, with descriptors beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

from qserver.sandbox.limits import Limits

MAX_MESSAGE_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class SpawnRequest:
    """Start a child: a forked one that calls `entry` ("module:function"), or another program.

    Exactly one of `entry` and `argv` is given. The child's end of the channel and the forkserver's end of the lifeline
    travel with it, in this order.
    """

    limits: Limits
    environment: Mapping[str, str]
    folder: str
    entry: str | None = None
    argv: Sequence[str] = field(default_factory=tuple)

    def encode(self) -> bytes:
        """Put it into JSON. Raises ValueError past MAX_MESSAGE_BYTES."""
        data = json.dumps(asdict(self)).encode()
        if len(data) > MAX_MESSAGE_BYTES:
            raise ValueError(f"the request is {len(data):,} bytes; the limit is {MAX_MESSAGE_BYTES:,}")
        return data

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote."""
        values = json.loads(data)
        return cls(**{**values, "limits": Limits(**values["limits"])})


@dataclass(frozen=True, slots=True)
class Started:
    """The first message over a lifeline: the child's process id, its pid descriptor beside it, or why there is none."""

    pid: int = 0
    error: str = ""

    def encode(self) -> bytes:
        """Put it into JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote."""
        return cls(**json.loads(data))


@dataclass(frozen=True, slots=True)
class Setup:
    """The first message to a forkserver: what to load, and the folder that is its own, and its children's."""

    preload: Sequence[str]
    folder: str

    def encode(self) -> bytes:
        """Put it into JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote."""
        return cls(**json.loads(data))


@dataclass(frozen=True, slots=True)
class Ready:
    """The answer to it: everything is loaded, or why not."""

    error: str = ""

    def encode(self) -> bytes:
        """Put it into JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote."""
        return cls(**json.loads(data))
