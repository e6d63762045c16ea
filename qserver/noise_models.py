"""Noise models that are stored beside the jobs that name them, as a device's are too large for a job's options.

The option `noise_model` of such a job is a reference: an object with the member `sha256`. What else stands in it is for
people, and for whoever plans the job.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from qserver.json_types import JsonObject

OPTION: Final = "noise_model"
"""The option of a backend that a noise model is given by."""

MAX_INLINE_BYTES: Final = 2048
"""A model of so much JSON or less stays in the options: noise that is named by a few parameters, as a rule."""

BYTES_OF_A_NOISE_VALUE: Final = 6
"""A model may hold as many values as it may have such pieces: those of devices have one for 9 bytes of their JSON."""

_SHA256: Final = "sha256"
_SHA256_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class NoiseModel:
    """A noise model, whoever wrote it: JSON with sorted keys and no spaces, so that equal models have equal hashes."""

    sha256: bytes  # of the text
    text: bytes

    @classmethod
    def of(cls, document: JsonObject) -> Self:
        """Write a model, but for the `id` that each of its errors may have: Aer makes new ones each time."""
        # `default`: JSON objects may be any Mapping.
        words = json.dumps(
            without_ids(document), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=dict
        )
        text = words.encode()
        return cls(sha256(text).digest(), text)

    @property
    def is_large(self) -> bool:
        """Whether it is stored beside the job."""
        return len(self.text) > MAX_INLINE_BYTES

    def document(self) -> JsonObject:
        """Read it."""
        document: JsonObject = json.loads(self.text)
        return document


def without_ids(document: JsonObject) -> JsonObject:
    """Leave out the `id` of each error of a model in Aer's form: it names nothing, and tells equal models apart."""
    errors = document.get("errors")
    if not isinstance(errors, Sequence) or isinstance(errors, str):
        return document
    return {**document, "errors": [_without_id(error) if isinstance(error, Mapping) else error for error in errors]}


def _without_id(error: JsonObject) -> JsonObject:
    return {name: value for name, value in error.items() if name != "id"}


def reference_to(hash_of_model: bytes) -> JsonObject:
    """Give what stands in the options in a model's place."""
    return {_SHA256: hash_of_model.hex()}


def named_in(options: JsonObject) -> bytes | None:
    """Give the hash of the stored model that options refer to; None where they refer to none."""
    value = options.get(OPTION)
    digits = value.get(_SHA256) if isinstance(value, Mapping) else None
    try:
        found = bytes.fromhex(digits) if isinstance(digits, str) else b""
    except ValueError:
        return None
    return found if len(found) == _SHA256_BYTES else None


def told_by_hash(options: JsonObject) -> JsonObject:
    """Give options in which a large model stands for its hash alone, whether it is in them or referred to."""
    found = named_in(options)
    value = options.get(OPTION)
    if found is None and isinstance(value, Mapping):
        model = NoiseModel.of(value)
        found = model.sha256 if model.is_large else None
    return options if found is None else {**options, OPTION: reference_to(found)}
