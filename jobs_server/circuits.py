"""Circuits as the server knows them: each is parsed once, however often it is sent."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from database.records import CircuitKey, StoredProfile
from jobs_server.readings import CircuitReader, Reading
from jobs_server.refusals import CostlyCircuit, Refusals
from jobs_server.shared_work import SharedWork
from jobs_server.transactions import Transactions
from qserver.batching import Batcher
from qserver.circuits import CircuitFormat, CircuitSource, Inspection
from qserver.settings import MIB

_KEPT_BYTES = 64 * MIB
_PROFILE_BYTES = 4096  # about what a profile takes beside the QPY
_MAX_LOOKUPS = 1000
_QUICKLY_READ_BYTES = 512
"""Short OpenQASM 2 is read (0.06 ms for 8 gates) before the database has answered, and is mostly new."""


@dataclass(frozen=True, slots=True)
class SentCircuit:
    """A circuit as a client sent it. `key` names it, its owner included; `plugin` is who reads it."""

    key: CircuitKey
    plugin: str
    circuit: CircuitSource


class CircuitLibrary:
    """Finds a circuit's inspection: in memory, in the database, or by an inspector. Same circuits share the work."""

    def __init__(self, transactions: Transactions, reader: CircuitReader, refusals: Refusals) -> None:
        """Know nothing yet."""
        self._reader = reader
        self._refusals = refusals
        self._transactions = transactions
        self._lookups: Batcher[CircuitKey, StoredProfile | None] = Batcher(
            self._find, delay_seconds=0, max_items=_MAX_LOOKUPS
        )
        self._learning: SharedWork[CircuitKey, Inspection] = SharedWork()
        self._known: OrderedDict[CircuitKey, Inspection] = OrderedDict()
        self._known_bytes = 0

    async def inspections(self, sent: Sequence[SentCircuit]) -> Sequence[Reading]:
        """Give for each circuit, in order, its inspection, or why it can't be read: InvalidCircuit, as a rule.

        `qpy` is None where the database has the circuit.
        """
        found: dict[CircuitKey, Reading] = {}
        unknown: dict[CircuitKey, SentCircuit] = {}
        for each in sent:
            known = self._recall(each.key) or self._refusals.recall(each.key)
            if known is None:
                unknown[each.key] = each
            else:
                found[each.key] = known
        if unknown:
            learned = await self._learning.do_all(
                list(unknown), lambda keys: self._learn([unknown[key] for key in keys])
            )
            found.update(zip(unknown, learned, strict=True))
        return [found[each.key] for each in sent]

    async def _learn(self, sent: Sequence[SentCircuit]) -> Sequence[Reading]:
        stored = await self._stored(sent)
        read = await self._read([each for each, profile in zip(sent, stored, strict=True) if profile is None])
        readings = [
            read[each.key] if profile is None else Inspection(profile.circuit_format, profile.profile, qpy=None)
            for each, profile in zip(sent, stored, strict=True)
        ]
        for each, reading in zip(sent, readings, strict=True):
            if isinstance(reading, Inspection):
                self._remember(each.key, reading)
            elif isinstance(reading, CostlyCircuit):
                self._refusals.remember(each.key, reading)
        return readings

    async def _stored(self, sent: Sequence[SentCircuit]) -> Sequence[StoredProfile | None]:
        """Look up what the database knows of circuits; those that are read sooner than looked up are left out."""
        wanted = [each.key for each in sent if not _is_quickly_read(each.circuit)]
        found = dict(zip(wanted, await self._lookups.submit(wanted), strict=True)) if wanted else {}
        return [found.get(each.key) for each in sent]

    async def _read(self, sent: Sequence[SentCircuit]) -> Mapping[CircuitKey, Reading]:
        by_reader: defaultdict[tuple[object, str], list[SentCircuit]] = defaultdict(list)
        for each in sent:
            by_reader[each.key[0], each.plugin].append(each)
        groups = list(by_reader.values())
        readings = await asyncio.gather(*map(self._read_group, groups))
        return {
            each.key: reading
            for group, found in zip(groups, readings, strict=True)
            for each, reading in zip(group, found, strict=True)
        }

    async def _read_group(self, group: Sequence[SentCircuit]) -> Sequence[Reading]:
        owner_id, _ = group[0].key
        return await self._reader.read(owner_id, group[0].plugin, [each.circuit for each in group])

    def _recall(self, key: CircuitKey) -> Inspection | None:
        if key not in self._known:
            return None
        self._known.move_to_end(key)
        return self._known[key]

    def _remember(self, key: CircuitKey, inspection: Inspection) -> None:
        # With the QPY: the job that brought the circuit may still be refused, and the circuit come with the next.
        self._known[key] = inspection
        self._known_bytes += _size_bytes(inspection)
        while self._known_bytes > _KEPT_BYTES:
            _, oldest = self._known.popitem(last=False)
            self._known_bytes -= _size_bytes(oldest)

    async def _find(self, keys: Sequence[CircuitKey]) -> Sequence[StoredProfile | None]:
        found = await self._transactions.read(lambda transaction: transaction.circuits.find(keys))
        return [found.get(key) for key in keys]


def _is_quickly_read(circuit: CircuitSource) -> bool:
    return circuit.circuit_format is CircuitFormat.OPENQASM2 and len(circuit.source) <= _QUICKLY_READ_BYTES


def _size_bytes(inspection: Inspection) -> int:
    return _PROFILE_BYTES + len(inspection.qpy or b"")
