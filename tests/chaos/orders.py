"""What clients want done: jobs of several kinds, each with a result that no other job has."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from qserver.rpc.v1 import jobs_pb2

SHOTS = 100
_BITS = 14
_QUBITS = range(18)
_WIDE_LAYERS = 12


class Kind(StrEnum):
    """What becomes of an order where nothing goes wrong."""

    SMALL = "small"  # finished within milliseconds, with counts known beforehand
    LONG = "long"  # finished after about a second: what is under way when something is killed
    LATE = "late"  # fails for its time limit
    UNWANTED = "unwanted"  # is canceled by its client, unless it is over by then


_SHARES: Mapping[Kind, int] = {Kind.SMALL: 85, Kind.LONG: 7, Kind.LATE: 3, Kind.UNWANTED: 5}


@dataclass(frozen=True, slots=True)
class Order:
    """A job that somebody wants, under the request_id by which it may be asked for again."""

    request_id: str
    kind: Kind
    number: int
    source: bytes = field(repr=False)
    priority: int = 0

    @property
    def bits(self) -> str:
        """The only outcome that the counts of a SMALL order may have."""
        return format(self.number % 2**_BITS, f"0{_BITS}b")

    def spec(self) -> jobs_pb2.JobSpec:
        """Give what is asked of the server."""
        return jobs_pb2.JobSpec(
            backend="aer",
            result_types=[jobs_pb2.RESULT_TYPE_COUNTS],
            shots=SHOTS,
            request_id=self.request_id,
            priority=self.priority,
            time_limit_seconds=0.05 if self.kind is Kind.LATE else None,
        )


def orders(number: int, dice: random.Random, *, first: int) -> Iterator[Order]:
    """Give orders, numbered from `first`."""
    kinds, weights = zip(*_SHARES.items(), strict=True)
    for index in range(first, first + number):
        (kind,) = dice.choices(kinds, weights)
        source = _small(index) if kind is Kind.SMALL else _wide(index)
        yield Order(_request_id(dice), kind, index, source)


def a_probe(dice: random.Random) -> Order:
    """Give one small order, to be run before all others: how long those wait is no sign of health."""
    number = dice.randrange(2**_BITS)
    return Order(_request_id(dice), Kind.SMALL, number, _small(number), priority=100)


def long_orders(number: int, dice: random.Random) -> Sequence[Order]:
    """Give orders that keep workers busy for a while."""
    indices = [dice.randrange(10**6) for _ in range(number)]
    return [Order(_request_id(dice), Kind.LONG, index, _wide(index)) for index in indices]


def _request_id(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))


def _small(index: int) -> bytes:
    bits = format(index % 2**_BITS, f"0{_BITS}b")
    flips = "".join(f"x q[{place}];" for place, bit in enumerate(reversed(bits)) if bit == "1")
    return f'OPENQASM 2.0;include "qelib1.inc";qreg q[{_BITS}];creg c[{_BITS}];{flips}measure q->c;'.encode()


def _wide(index: int) -> bytes:
    """Turn each qubit by angles of the order's own, so that no two circuits are the same, and tangle all of them."""
    layers = (
        "".join(f"rx({0.1 + index % 997 * 0.003 + layer * 0.07 + qubit * 0.011:.4f}) q[{qubit}];" for qubit in _QUBITS)
        + "".join(f"cx q[{qubit}],q[{qubit + 1}];" for qubit in _QUBITS[:-1])
        for layer in range(_WIDE_LAYERS)
    )
    width = len(_QUBITS)
    header = f'OPENQASM 2.0;include "qelib1.inc";qreg q[{width}];creg c[{width}];'
    return f"{header}{''.join(layers)}measure q->c;".encode()
