"""The options of submissions, and the noise models that come with them: taken out where they are read."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final, TypeAlias
from uuid import UUID

from google.protobuf.struct_pb2 import Struct

from jobs_server.json_values import check_size, from_struct, number_of_values, parse_document
from jobs_server.large_work import LargeWork
from qserver.errors import InvalidRequest, QServerError, TooLarge
from qserver.json_types import JsonObject
from qserver.noise_models import BYTES_OF_A_NOISE_VALUE, OPTION, NoiseModel, named_in, reference_to
from qserver.rpc.v1 import jobs_pb2
from qserver.settings import MIB, LimitSettings

_NAME: Final = f"options.{OPTION}"
_SETTING: Final = "QSERVER_MAX_NOISE_MODEL_BYTES"
_SURELY_SMALL_BYTES: Final = 512
"""A Struct of so many bytes is less than 1 KiB as JSON."""
_KEPT_BYTES: Final = 64 * MIB


@dataclass(frozen=True, slots=True)
class SentOptions:
    """Options as they go on, and the noise model that they refer to, where it came along."""

    options: JsonObject
    noise_model: NoiseModel | None = None


SharedModels: TypeAlias = Mapping[bytes, NoiseModel | QServerError]
"""The noise models of a call by the hash of their bytes, and why one can't be read."""

NOTHING_SHARED: Final[SharedModels] = MappingProxyType({})


class SentNoise:
    """Reads options. What the same user sent before is known by its hash, and not read again."""

    def __init__(self, limits: LimitSettings, large_work: LargeWork) -> None:
        """Know nothing yet. What is large is read by `large_work`."""
        self._limits = limits
        self._large_work = large_work
        self._known: OrderedDict[bytes, NoiseModel] = OrderedDict()
        self._known_bytes = 0

    async def shared(self, user_id: UUID, texts: Sequence[bytes]) -> SharedModels:
        """Read the noise models that the submissions of a call share."""
        found = {sha256(text).digest(): await self._try_text(user_id, text) for text in texts}
        # As it is stored, too: whoever has seen the answer to a call may go on with the hash in it.
        models = [model for model in found.values() if isinstance(model, NoiseModel)]
        return {**found, **{model.sha256: model for model in models}} if found else NOTHING_SHARED

    async def options_of(
        self, user_id: UUID, spec: jobs_pb2.JobSpec, shared: SharedModels = NOTHING_SHARED
    ) -> SentOptions:
        """Read the options of a spec; a large noise model leaves its hash in them.

        Raises InvalidRequest or TooLarge naming the option.
        """
        if spec.noise_model:
            if OPTION in spec.options.fields:
                raise InvalidRequest(f"the noise model came twice: as {_NAME} and as the field noise_model")
            return await self._with(await self._of_text(user_id, spec.noise_model), user_id, spec.options)
        if OPTION not in spec.options.fields:
            return SentOptions(await self._plain(user_id, spec.options))
        struct = spec.options.fields[OPTION].struct_value
        if struct.ByteSize() > _SURELY_SMALL_BYTES:
            return await self._with(await self._of_struct(user_id, struct), user_id, spec.options)
        options = await self._plain(user_id, spec.options)
        model = shared.get(named_in(options) or b"")
        if isinstance(model, QServerError):
            raise model
        return SentOptions(options) if model is None else await self._with(model, user_id, spec.options)

    async def _with(self, model: NoiseModel, user_id: UUID, options: Struct) -> SentOptions:
        others = Struct(fields={name: value for name, value in options.fields.items() if name != OPTION})
        plain = await self._plain(user_id, others)
        if not model.is_large:
            return SentOptions({**plain, OPTION: model.document()})
        return SentOptions({**plain, OPTION: reference_to(model.sha256)}, model)

    async def _plain(self, user_id: UUID, options: Struct) -> JsonObject:
        if not options.fields:
            return {}
        most = self._limits.max_metadata_bytes
        return await self._large_work.do(
            user_id, options.ByteSize(), lambda: from_struct(options, name="options", max_bytes=most)
        )

    async def _try_text(self, user_id: UUID, text: bytes) -> NoiseModel | QServerError:
        try:
            return await self._of_text(user_id, text)
        except QServerError as error:
            return error

    async def _of_text(self, user_id: UUID, text: bytes) -> NoiseModel:
        most = self._limits.max_noise_model_bytes
        check_size(len(text), name=_NAME, max_bytes=most, setting=_SETTING)
        self._check_values(text.count(b",") + text.count(b"[") + text.count(b"{"))
        return await self._read(
            user_id, b"text", text, lambda: parse_document(text, name=_NAME, max_bytes=most, setting=_SETTING)
        )

    async def _of_struct(self, user_id: UUID, struct: Struct) -> NoiseModel:
        most = self._limits.max_noise_model_bytes
        raw = struct.SerializeToString(deterministic=True)
        most_values = self._most_values + 1
        self._check_values(
            await self._large_work.do(user_id, len(raw), lambda: number_of_values(struct, most=most_values))
        )
        return await self._read(
            user_id, b"struct", raw, lambda: from_struct(struct, name=_NAME, max_bytes=most, setting=_SETTING)
        )

    @property
    def _most_values(self) -> int:
        return self._limits.max_noise_model_bytes // BYTES_OF_A_NOISE_VALUE

    def _check_values(self, number: int) -> None:
        """Refuse before it is read what would unfold to many times its size, as millions of `[],` do."""
        if number > self._most_values:
            raise TooLarge(
                f"{_NAME} holds more than {self._most_values:,} values; that is the limit for models of at most"
                f" {self._limits.max_noise_model_bytes:,} bytes ({_SETTING})"
            )

    async def _read(self, user_id: UUID, kind: bytes, raw: bytes, read: Callable[[], JsonObject]) -> NoiseModel:
        # With the user: by the time that an answer takes nobody finds out what others have sent.
        key = sha256(user_id.bytes + kind + raw).digest()
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        model = await self._large_work.do(user_id, len(raw), lambda: NoiseModel.of(read()))
        self._remember(key, model)
        return model

    def _remember(self, key: bytes, model: NoiseModel) -> None:
        if key in self._known:
            return  # read for another call meanwhile
        self._known[key] = model
        self._known_bytes += len(model.text)
        while self._known_bytes > _KEPT_BYTES:
            _, oldest = self._known.popitem(last=False)
            self._known_bytes -= len(oldest.text)
