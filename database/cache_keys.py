"""What makes two jobs equal, so that the result of one may answer the other."""

from dataclasses import replace
from hashlib import sha256
from json import dumps
from uuid import UUID

from database.documents import encode_inputs, encode_request
from qserver import __version__
from qserver.jobs import JobRequest, RunRequest


def cache_key(
    owner_id: UUID,
    circuit_sha256: bytes,
    run: RunRequest,
    *,
    plugin: str,
    plugin_version: str,
    reads_metadata: bool,
) -> bytes:
    """Give the SHA-256 of all that decides whose result it is and what: circuit, how it is run, by which versions.

    `circuit_sha256` is that of `circuit_hash`. Metadata counts only where the plugin reads it. QServer's own version
    stands for the engines, which each release pins.
    """
    deciding = run if reads_metadata else replace(run, metadata={})
    versions = [plugin, plugin_version, __version__]
    words = [encode_request(JobRequest(deciding)), encode_inputs(deciding), versions]
    text = dumps(words, sort_keys=True, separators=(",", ":"))
    return sha256(owner_id.bytes + circuit_sha256 + text.encode()).digest()
