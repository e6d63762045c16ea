"""Noise models that are stored beside jobs: found again by their hash, checked once, and described in the options."""

import asyncio
from collections import OrderedDict
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import UUID

from jobs_server.catalog import KnownBackend
from jobs_server.inspectors import InspectorPool
from jobs_server.shared_work import SharedWork
from jobs_server.transactions import Transactions
from qserver.errors import InvalidRequest, Reason, TooLarge
from qserver.jobs import RunRequest
from qserver.json_types import JsonObject
from qserver.noise_models import OPTION, NoiseModel, named_in, reference_to

_KEPT: Final = 1024
_Key: TypeAlias = tuple[UUID, str, bytes]
"""Whose model it is, the backend whose schema and plugin judge it, and its hash."""


class NoiseModels:
    """Settles what the options of a submission refer to. A wrong model is judged anew each time that it comes."""

    def __init__(self, transactions: Transactions, inspectors: InspectorPool, *, max_inline_bytes: int) -> None:
        """Know none. Backends that take no stored models get them in the options, up to `max_inline_bytes`."""
        self._transactions = transactions
        self._inspectors = inspectors
        self._max_inline_bytes = max_inline_bytes
        self._described: OrderedDict[_Key, JsonObject] = OrderedDict()
        self._describing: SharedWork[_Key, JsonObject] = SharedWork()

    def put_back(self, backend: KnownBackend, run: RunRequest, sent: NoiseModel | None) -> RunRequest:
        """Give a request as its backend takes it: the model is in the options again where it can't be stored.

        Raises TooLarge for one that is too large for them.
        """
        spec = backend.record.spec
        if sent is None or spec.takes_noise_models:
            return run
        if len(sent.text) > self._max_inline_bytes:
            raise TooLarge(
                f"options.{OPTION} is {len(sent.text):,} bytes; the limit of backend {spec.name}, which takes no stored"
                f" noise models, is {self._max_inline_bytes:,} (QSERVER_MAX_METADATA_BYTES)"
            )
        return replace(run, options={**run.options, OPTION: sent.document()})

    async def settled(
        self, user_id: UUID, backend: KnownBackend, run: RunRequest, sent: NoiseModel | None
    ) -> tuple[RunRequest, NoiseModel | None]:
        """Give a request whose reference says all that there is to say, and the model that it refers to.

        Raises InvalidRequest where there is none of that hash, or it is wrong. What a client says beside the hash
        counts for nothing.
        """
        wanted = named_in(run.options)
        if wanted is None or not backend.record.spec.takes_noise_models:
            return run, None
        model = sent or await self._stored(user_id, wanted)
        words = await self._words(user_id, backend, model)
        reference = {**reference_to(model.sha256), "size_bytes": len(model.text), **words}
        return replace(run, options={**run.options, OPTION: reference}), model

    async def _stored(self, user_id: UUID, sha256: bytes) -> NoiseModel:
        found = await self._transactions.read(lambda transaction: transaction.noise_models.find(user_id, sha256))
        if found is None:
            raise InvalidRequest(
                f"options.{OPTION} refers to the model {sha256.hex()}, which is not (or no longer) stored here among "
                "yours; send the model itself",
                reason=Reason.INVALID_OPTION,
            )
        return found

    async def _words(self, user_id: UUID, backend: KnownBackend, model: NoiseModel) -> JsonObject:
        key = (user_id, backend.record.spec.name, model.sha256)
        if key in self._described:
            self._described.move_to_end(key)
            return self._described[key]
        words = await self._describing.do(key, lambda: self._describe(user_id, backend, model))
        self._described[key] = words
        if len(self._described) > _KEPT:
            self._described.popitem(last=False)
        return words

    async def _describe(self, user_id: UUID, backend: KnownBackend, model: NoiseModel) -> JsonObject:
        # In a thread: reading a megabyte of JSON and looking at each of its errors takes a tenth of a second.
        await asyncio.to_thread(lambda: backend.options.check({OPTION: model.document()}))
        return await self._inspectors.describe_noise_model(user_id, backend.record.plugin, model.text)
