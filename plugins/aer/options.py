"""The options of a request as one value."""

import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from plugins.aer.methods import Device, FloatPrecision
from plugins.aer.noise_words import NoiseWords, StoredNoise, parse_noise
from qserver.errors import InvalidRequest, Reason
from qserver.json_types import JsonObject

KNOWN_OPTIONS = frozenset({"device", "float_precision", "noise_model", "max_bond_dimension", "truncation_threshold"})

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class AerOptions:
    """What a request may say beside shots and seed.

    `noise_text` is the noise as canonical JSON, or the hash of a stored one: equal noise, equal text.
    """

    device: Device = Device.AUTO
    float_precision: FloatPrecision = FloatPrecision.DOUBLE
    noise: NoiseWords | None = field(default=None, compare=False)  # told apart by its text
    noise_text: str | None = None
    max_bond_dimension: int | None = None
    truncation_threshold: float | None = None


def parse_options(options: JsonObject, *, noise_model: bytes | None = None) -> AerOptions:
    """Read the options. `noise_model` is the text of the stored model that they refer to, where it is to be run.

    Raises InvalidRequest(INVALID_OPTION) naming the first that is wrong.
    """
    if not options:
        return AerOptions()
    unknown = sorted(set(options) - KNOWN_OPTIONS)
    if unknown:
        raise _wrong(f"option {unknown[0]!r} is unknown; known are {', '.join(sorted(KNOWN_OPTIONS))}")
    document = _object(options, "noise_model")
    noise = None if document is None else parse_noise(document, stored_text=noise_model)
    return AerOptions(
        device=_word(options, "device", Device, Device.AUTO),
        float_precision=_word(options, "float_precision", FloatPrecision, FloatPrecision.DOUBLE),
        noise=noise,
        noise_text=noise.sha256 if isinstance(noise, StoredNoise) else _canonical(document),
        max_bond_dimension=_bond_dimension(options),
        truncation_threshold=_threshold(options),
    )


def _word(options: JsonObject, name: str, words: type[_Word], default: _Word) -> _Word:
    value = options.get(name, default)
    known = words.__members__.values()
    if not isinstance(value, str) or value not in known:
        raise _wrong(f"option {name} is {value!r}; it may be {', '.join(known)}")
    return words(value)


def _object(options: JsonObject, name: str) -> JsonObject | None:
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, str | int | float) or not hasattr(value, "keys"):
        raise _wrong(f"option {name} is no JSON object")
    return value  # type: ignore[return-value]  # narrowed by `keys`: the only mapping among JSON values


def _canonical(document: JsonObject | None) -> str | None:
    return None if document is None else json.dumps(document, sort_keys=True, separators=(",", ":"), default=dict)


def _bond_dimension(options: JsonObject) -> int | None:
    value = options.get("max_bond_dimension")
    if value is None:
        return None
    # A number that came through JSON or protobuf's Struct may be 64.0.
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        raise _wrong(f"option max_bond_dimension is {value!r}; it must be a whole number from 1")
    return int(value)


def _threshold(options: JsonObject) -> float | None:
    value = options.get("truncation_threshold")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value < 1:
        raise _wrong(f"option truncation_threshold is {value!r}; it must be a number in [0, 1)")
    return float(value)


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, reason=Reason.INVALID_OPTION)
