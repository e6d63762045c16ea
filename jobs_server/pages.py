"""Pages of a list of jobs. A token holds the pointer of the last job of a page, so that new jobs shift nothing."""

import base64
import binascii

from qserver.errors import InvalidRequest

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 500
_PREFIX = b"v1:"


def page_size(wanted: int) -> int:
    """Give the number of jobs on a page; 0 leaves it to us. Raises InvalidRequest."""
    if not 0 <= wanted <= MAX_PAGE_SIZE:
        raise InvalidRequest(
            f"page_size is {wanted}; it must be from 1 to {MAX_PAGE_SIZE}, or 0 for {DEFAULT_PAGE_SIZE}"
        )
    return wanted or DEFAULT_PAGE_SIZE


def page_token(pointer: int) -> str:
    """Make the token of the page that begins below `pointer`."""
    return base64.urlsafe_b64encode(_PREFIX + str(pointer).encode()).decode()


def pointer_of(token: str) -> int | None:
    """Read a token; None for the first page. Raises InvalidRequest where we never made it."""
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token)
        pointer = int(text.removeprefix(_PREFIX))
    except (binascii.Error, ValueError) as error:
        raise _unknown(token) from error
    if page_token(pointer) != token or not 0 < pointer < 2**63:
        raise _unknown(token)
    return pointer


def _unknown(token: str) -> InvalidRequest:
    return InvalidRequest(f"page_token '{token[:50]}' is none of ours; take it from the previous answer as it is")
