"""What people are told when a server can't be spoken to."""

import grpc
import httpx
import pytest

from qserver.client.access import Access
from qserver.client.faults import error_of_call, error_of_status
from qserver.client.http import _document
from qserver.client.server_address import parse_address
from qserver.errors import QServerError, RetryableError, Unauthenticated, Unavailable

SERVER = "https://box"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("Connection refused", "https://box doesn't answer: Connection refused"),
        ("error:1000007d:SSL routines:CERTIFICATE_VERIFY_FAILED: self signed", "https://box has a certificate of no"),
        ("error:100000f7:SSL routines:WRONG_VERSION_NUMBER", "https://box speaks no TLS: is it http://?"),
    ],
)
def test_a_server_that_can_not_be_reached_says_what_to_do(why: str, words: str) -> None:
    error = error_of_status(grpc.StatusCode.UNAVAILABLE, why, (), server=SERVER)

    assert isinstance(error, Unavailable)
    assert error.message.startswith(words)
    assert why in error.message


def test_a_server_of_another_kind_is_named_and_not_asked_again() -> None:
    why = "Received http2 header with status: 404"

    error = error_of_status(grpc.StatusCode.UNIMPLEMENTED, why, (), server=SERVER)

    assert isinstance(error, QServerError)
    assert not isinstance(error, RetryableError)
    assert error.message == f"{SERVER} doesn't know this call: is it a QServer, and not an older one? ({why})"


@pytest.mark.parametrize(("api_key", "is_said"), [(None, True), ("a-key", False)])
def test_who_gave_no_key_is_told_how_this_client_takes_one(*, api_key: str | None, is_said: bool) -> None:
    access = Access(parse_address(SERVER), None, api_key, None)
    answer = httpx.Response(
        401,
        json={"detail": "no key was given", "reason": "UNAUTHENTICATED"},
        request=httpx.Request("GET", SERVER, headers=access.authorization),
    )
    found = [error_of_call(RefusedCall("no key was given", grpc.StatusCode.UNAUTHENTICATED), access)]

    with pytest.raises(Unauthenticated) as caught:
        _document(answer)

    for error in (*found, caught.value):
        assert ("api_key=..., by QSERVER_API_KEY, or once by `qserver login`" in error.message) is is_said


class RefusedCall(grpc.RpcError):
    """A call that a server refused."""

    def __init__(self, details: str, code: grpc.StatusCode) -> None:
        """Have been refused with this."""
        self._details, self._code = details, code

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[()]:
        return ()
