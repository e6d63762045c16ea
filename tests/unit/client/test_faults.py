"""What people are told when a server can't be spoken to."""

import grpc
import pytest

from qserver.client.faults import error_of_status
from qserver.errors import QServerError, RetryableError, Unavailable

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
