"""How texts of clients must be spelled, and that in words: a pattern tells few people anything."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PRINTABLE: Final = r"^[^\x00-\x1f\x7f]+$"
PRINTABLE_PART: Final = r"^[^\x00-\x1f\x7f/]+$"  # of a path
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$"
PAULI: Final = "^[IXYZ]+$"
BASE64: Final = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

WORDS: Mapping[str, str] = MappingProxyType(
    {
        PRINTABLE: "must hold no control character, such as a line break",
        PRINTABLE_PART: "must hold no slash and no control character, such as a line break",
        NAME: "must begin with a letter of A to Z or a digit, and hold only these and . _ @ + -",
        PAULI: "must be made of the letters I, X, Y and Z",
        BASE64: "must be base64, with its padding and without line breaks",
    }
)
"""What each pattern asks for."""
