"""Tokens of pages."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs_server.pages import page_size, page_token, pointer_of
from qserver.errors import InvalidRequest


@given(st.integers(1, 2**63 - 1))
def test_a_token_holds_its_pointer(pointer: int) -> None:
    assert pointer_of(page_token(pointer)) == pointer


def test_no_token_is_the_first_page() -> None:
    assert pointer_of("") is None


@pytest.mark.parametrize(
    "token", ["x", "-1", "djE6", "ä", page_token(0), page_token(2**63), base64.b64encode(b"v2:5").decode(), "djE6NQ"]
)
def test_a_token_that_we_never_made_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequest, match="is none of ours"):
        pointer_of(token)


def test_the_size_of_a_page_has_a_default_and_limits() -> None:
    assert page_size(0) == 20
    assert page_size(500) == 500
    for wrong in (-1, 501):
        with pytest.raises(InvalidRequest, match=f"page_size is {wrong}; it must be from 1 to 500"):
            page_size(wrong)
