"""What a JSON body unfolds to, told before it is parsed: a few MB of `[],` become a GB of objects, and seconds of work.

Strings don't count: a circuit may be one of millions of brackets and commas.
"""

from qserver.settings import LimitSettings

VALUES_OF_A_TERM = 4
"""A Pauli term is a list of two values in a list; one more leaves room for what else a body holds."""

BODY_BYTES_A_NOISE_VALUE = 24
"""A device's model has one for 6 to 9 bytes: those of a few MB fit. The largest go over gRPC, where they stay text."""

_ESCAPES = (b"\\\\", b'\\"')  # the first one first: in `\\"` the quote ends the string


def max_values(limits: LimitSettings) -> int:
    """Give how many values a body may hold: what fits into options, noise model and metadata, and all Pauli terms."""
    return (
        2 * limits.max_metadata_bytes
        + limits.max_noise_model_bytes // BODY_BYTES_A_NOISE_VALUE
        + VALUES_OF_A_TERM * limits.max_observable_terms
    )


def holds_more_values(body: bytes, most: int) -> bool:
    """Tell whether JSON holds more than about `most` values. Of what is no JSON, the parser knows better."""
    for escape in _ESCAPES:
        if b"\\" in body:
            body = body.replace(escape, b"")
    # Two quotes a string, names of members included, and each is a value or stands beside one.
    if body.count(b'"') > 4 * most:
        return True
    return _marks(b"".join(body.split(b'"')[::2])) > most


def _marks(outside_strings: bytes) -> int:
    """Count what begins a list or map, or parts two values."""
    return sum(map(outside_strings.count, (b",", b"[", b"{")))
