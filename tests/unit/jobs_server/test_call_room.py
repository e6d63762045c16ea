"""How many calls a server holds at once."""

from contextlib import ExitStack
from uuid import uuid4

import pytest

from jobs_server.call_room import CallRoom
from qserver.errors import Overloaded
from qserver.identity import Identity, Role
from qserver.settings import JobsServerSettings, LimitSettings


def a_room(*, calls: int = 1000, call_bytes: int = 1000) -> CallRoom:
    return CallRoom(JobsServerSettings(grpc_calls=calls), LimitSettings(max_call_bytes=call_bytes))


def test_one_call_too_many_is_told_the_limit() -> None:
    room = a_room(calls=2)

    with (
        room.call(0),
        room.call(0),
        pytest.raises(Overloaded, match="2 calls are under way; the limit is QSERVER_GRPC_CALLS"),
        room.call(0),
    ):
        pass


def test_requests_that_are_too_much_together_are_refused() -> None:
    room = a_room(call_bytes=1000)

    with room.call(6_000), pytest.raises(Overloaded, match="6,000 bytes"), room.call(1):
        pass


def test_streams_that_need_no_key_are_few_and_take_no_room_of_calls() -> None:
    room = a_room(calls=40)

    with room.open_stream("192.0.2.1"), room.open_stream("192.0.2.2"):
        with pytest.raises(Overloaded, match="2 streams are open that need no key"), room.open_stream("192.0.2.3"):
            pass
        with ExitStack() as calls:
            for _ in range(40):
                calls.enter_context(room.call(0))


def test_one_address_leaves_room_to_others_for_streams_that_need_no_key() -> None:
    room = a_room(calls=160)

    with room.open_stream("192.0.2.1"), room.open_stream("192.0.2.1"):
        with pytest.raises(Overloaded, match="2 streams are open from 192"), room.open_stream("192.0.2.1"):
            pass
        with room.open_stream("192.0.2.2"):
            pass


def test_one_user_leaves_half_of_the_room_to_others() -> None:
    room = a_room(calls=4)
    ada, eve = (Identity(uuid4(), name, Role.USER) for name in ("ada", "eve"))

    with room.of_client(ada), room.of_client(ada):
        with pytest.raises(Overloaded, match="user ada has 2 calls under way"), room.of_client(ada):
            pass
        with room.of_client(eve):
            pass
    with room.of_client(ada):
        pass


def test_there_is_room_again_when_a_call_is_over_however_it_ended() -> None:
    room = a_room(calls=1, call_bytes=1)
    with pytest.raises(ZeroDivisionError), room.call(6):
        raise ZeroDivisionError

    with room.call(6):
        pass
