"""Circuits as the server knows them: each is parsed once, however often it is sent."""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from database.records import CircuitKey, StoredProfile
from jobs_server.batching import Batcher
from jobs_server.inspectors import InspectorPool
from jobs_server.shared_work import SharedWork
from jobs_server.transactions import Transactions
from qserver.circuits import CircuitFormat, Inspection
from qserver.settings import MIB

_KEPT_BYTES = 64 * MIB
_PROFILE_BYTES = 4096  # about what a profile takes beside the QPY
_MAX_LOOKUPS = 1000


class CircuitLibrary:
    """Finds a circuit's inspection: in memory, in the database, or by an inspector. Same circuits share the work."""

    def __init__(self, transactions: Transactions, inspectors: InspectorPool) -> None:
        """Know nothing yet."""
        self._inspectors = inspectors
        self._transactions = transactions
        self._lookups: Batcher[CircuitKey, StoredProfile | None] = Batcher(
            self._find, delay_seconds=0, max_items=_MAX_LOOKUPS
        )
        self._learning: SharedWork[CircuitKey, Inspection] = SharedWork()
        self._known: OrderedDict[CircuitKey, Inspection] = OrderedDict()
        self._known_bytes = 0

    async def inspection(
        self, owner_id: UUID, plugin: str, source: bytes, circuit_format: CircuitFormat, *, sha256: bytes
    ) -> Inspection:
        """Give the inspection of a circuit. `qpy` is None where the database has the circuit.

        Raises InvalidCircuit where it can't be read.
        """
        key = (owner_id, sha256)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        return await self._learning.do(key, lambda: self._learn(key, plugin, source, circuit_format))

    async def _learn(self, key: CircuitKey, plugin: str, source: bytes, circuit_format: CircuitFormat) -> Inspection:
        owner_id, _ = key
        (stored,) = await self._lookups.submit([key])
        if stored is not None:
            inspection = Inspection(stored.circuit_format, stored.profile, qpy=None)
        else:
            inspection = await self._inspectors.inspect(owner_id, plugin, source, circuit_format)
        self._remember(key, inspection)
        return inspection

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


def _size_bytes(inspection: Inspection) -> int:
    return _PROFILE_BYTES + len(inspection.qpy or b"")
