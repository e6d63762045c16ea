"""Large noise models on their way to the server: sent once a call, as text, and named by the jobs that share them."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from qserver.noise_models import MAX_INLINE_BYTES, OPTION, reference_to
from qserver.rpc.v1 import jobs_pb2

# Options may hold anything here: what is no JSON is refused where the spec is written.
Options = Mapping[str, Any]


def apart(options: Options | None) -> tuple[Options | None, bytes]:
    """Give options that name a large noise model by the hash of its text, and that text; else as they are, and none."""
    model = options.get(OPTION) if isinstance(options, Mapping) else None
    if options is None or not isinstance(model, Mapping):
        return options, b""
    try:
        text = json.dumps(model, separators=(",", ":"), default=dict).encode()
    except (TypeError, ValueError):
        return options, b""
    if len(text) <= MAX_INLINE_BYTES:
        return options, b""
    return {**options, OPTION: reference_to(sha256(text).digest())}, text


def whole(spec: jobs_pb2.JobSpec, noise_model: bytes) -> jobs_pb2.JobSpec:
    """Give a spec that brings its noise model along, for a call of its own."""
    if not noise_model:
        return spec
    complete = jobs_pb2.JobSpec()
    complete.CopyFrom(spec)
    del complete.options.fields[OPTION]
    complete.noise_model = noise_model
    return complete
