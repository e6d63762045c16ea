"""Streams that are open: who may no longer come in may not stay."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from qserver.access.authenticator import Authenticator
from qserver.access.directory import KeyHolder, TokenHolder
from qserver.access.keys import hash_key
from qserver.access.open_streams import Admission, OpenStreams
from qserver.access.visitor import Visitor
from qserver.clock import FakeClock
from qserver.errors import PermissionDenied, QServerError, QuotaExceeded, Unauthenticated, Unavailable
from qserver.identity import ANONYMOUS, Permission, Role
from qserver.settings import AccessSettings
from tests.unit.access.people import FakeDirectory, FakeVerifier
from tests.waiting import until

SETTINGS = AccessSettings.model_validate({"auth": "required", "key_failures_per_minute": 1, "key_cache_seconds": 5})
ADDRESS = "192.0.2.7"


class Scene:
    """Streams over a directory, at a time that stands still."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.directory = FakeDirectory()
        self.verifier = FakeVerifier()
        self.authenticator = Authenticator(
            SETTINGS, self.directory, is_required=True, tokens=self.verifier, clock=self.clock
        )
        self.streams = OpenStreams(self.authenticator, beat_seconds=60, most_per_user=0)
        self.errors: list[QServerError] = []

    async def admit(self, credential: str, permission: Permission = Permission.READ) -> Admission:
        visitor = Visitor(credential, ADDRESS, is_encrypted=True)
        return Admission(visitor, await self.authenticator.admit(visitor), permission)

    async def look(
        self, credential: str, between: Callable[[], None], permission: Permission = Permission.READ
    ) -> None:
        """Hold a stream, let something happen, and look at it."""
        with self.streams.hold(await self.admit(credential, permission), self.errors.append):
            between()
            self.authenticator.forget()
            await self.streams.look()

    def change_role(self, key: str, role: Role) -> None:
        holder = self.directory.holders[hash_key(key)]
        changed = KeyHolder(holder.key_hash, replace(holder.identity, role=role), holder.expires_at)
        self.directory.holders[hash_key(key)] = changed


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_stream_goes_on_while_its_key_is_good(scene: Scene) -> None:
    await scene.look(scene.directory.issue("ada"), lambda: None)

    assert scene.errors == []


async def test_a_revoked_key_ends_its_stream(scene: Scene) -> None:
    key = scene.directory.issue("ada")

    await scene.look(key, lambda: scene.directory.revoke(key))

    (error,) = scene.errors
    assert isinstance(error, Unauthenticated)
    assert "revoked" in error.message


async def test_an_expired_key_ends_its_stream_without_a_question(scene: Scene) -> None:
    key = scene.directory.issue("ada", expires_at=scene.clock.now() + timedelta(seconds=9))

    await scene.look(key, lambda: scene.clock.advance(9))

    (error,) = scene.errors
    assert isinstance(error, Unauthenticated)
    assert "expired" in error.message
    assert scene.directory.looks == 1


async def test_an_expired_token_ends_its_stream(scene: Scene) -> None:
    ends_at = scene.clock.now() + timedelta(minutes=5)
    scene.verifier.tokens["a.b.c"] = TokenHolder("issuer|1", "ada", Role.USER, scene.clock.now(), ends_at)

    await scene.look("a.b.c", lambda: scene.clock.advance(300))

    assert [type(error) for error in scene.errors] == [Unauthenticated]


async def test_a_disabled_user_of_tokens_loses_their_stream(scene: Scene) -> None:
    ends_at = scene.clock.now() + timedelta(minutes=5)
    scene.verifier.tokens["a.b.c"] = TokenHolder("issuer|1", "ada", Role.USER, scene.clock.now(), ends_at)

    await scene.look("a.b.c", lambda: scene.directory.disabled.add("issuer|1"))

    assert [error.message for error in scene.errors] == ["user ada is disabled here"]


async def test_who_loses_the_right_is_told_so(scene: Scene) -> None:
    key = scene.directory.issue("ada")

    await scene.look(key, lambda: scene.change_role(key, Role.VIEWER), Permission.SUBMIT)

    assert [type(error) for error in scene.errors] == [PermissionDenied]


async def test_an_administrator_who_is_none_any_more_opens_it_again(scene: Scene) -> None:
    key = scene.directory.issue("root", Role.ADMIN)

    await scene.look(key, lambda: scene.change_role(key, Role.USER))

    (error,) = scene.errors
    assert isinstance(error, Unavailable)
    assert "open it again" in error.message


async def test_who_may_do_more_than_before_stays(scene: Scene) -> None:
    key = scene.directory.issue("ada")

    await scene.look(key, lambda: scene.change_role(key, Role.ADMIN))

    assert scene.errors == []


async def test_a_directory_that_is_away_ends_no_stream_and_is_asked_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fail(key_hash: bytes) -> KeyHolder | None:
        asked.append(key_hash)
        raise Unavailable("the database doesn't answer")

    with ExitStack() as stack:
        for name in ("ada", "eve"):
            admission = await scene.admit(scene.directory.issue(name))
            stack.enter_context(scene.streams.hold(admission, scene.errors.append))
        monkeypatch.setattr(scene.directory, "find_key", fail)
        scene.authenticator.forget()
        await scene.streams.look()

    assert scene.errors == []
    assert len(asked) == 1


async def test_a_thousand_streams_of_a_key_are_one_question(scene: Scene) -> None:
    admission = await scene.admit(scene.directory.issue("ada"))

    with ExitStack() as stack:
        for _ in range(1000):
            stack.enter_context(scene.streams.hold(admission, scene.errors.append))
        scene.authenticator.forget()
        await scene.streams.look()

    assert scene.directory.looks == 2  # one to let them in


async def test_all_streams_of_a_revoked_key_end_and_none_of_another(scene: Scene) -> None:
    ada, eve = scene.directory.issue("ada"), scene.directory.issue("eve")
    ended: list[str] = []

    with ExitStack() as stack:
        for name, key in (("ada", ada), ("ada", ada), ("eve", eve)):

            def note(_error: QServerError, name: str = name) -> None:
                ended.append(name)

            stack.enter_context(scene.streams.hold(await scene.admit(key), note))
        scene.directory.revoke(ada)
        scene.authenticator.forget()
        await scene.streams.look()
        await scene.streams.look()

    assert ended == ["ada", "ada"]


async def test_what_ended_a_stream_is_no_guess_of_its_address(scene: Scene) -> None:
    keys = [scene.directory.issue(str(number)) for number in range(3)]

    for key in keys:
        await scene.look(key, lambda key=key: scene.directory.revoke(key))  # type: ignore[misc]

    assert [type(error) for error in scene.errors] == [Unauthenticated] * 3
    with pytest.raises(Unauthenticated):  # the first failure that counts, of one that is allowed
        await scene.admit("x.y.z")
    with pytest.raises(QuotaExceeded):
        await scene.admit("x.y.z")


async def test_who_was_let_in_without_a_key_is_not_looked_at(scene: Scene) -> None:
    with scene.streams.hold(Admission(Visitor(), ANONYMOUS, Permission.READ), scene.errors.append):
        await scene.streams.look()

    assert scene.directory.looks == 0
    assert scene.errors == []


async def test_waiting_for_a_message_is_cut_short_with_the_error(scene: Scene) -> None:
    key = scene.directory.issue("ada")
    admission = await scene.admit(key)
    heard: list[int] = []

    async def listen() -> None:
        async for message in scene.streams.cut_short(_one_then_silence(), admission):
            heard.append(message)  # noqa: PERF401 - seen while the loop still waits

    listening = asyncio.create_task(listen())
    await until(lambda: heard == [1])
    scene.directory.revoke(key)
    scene.authenticator.forget()
    await scene.streams.look()

    with pytest.raises(Unauthenticated):
        await listening


async def test_whoever_handles_a_message_is_not_interrupted(scene: Scene) -> None:
    key = scene.directory.issue("ada")
    messages = scene.streams.cut_short(_one_then_silence(), await scene.admit(key))

    assert await anext(messages) == 1
    scene.directory.revoke(key)
    scene.authenticator.forget()
    await scene.streams.look()
    await asyncio.sleep(0)  # where a cancellation would come

    with pytest.raises(Unauthenticated):
        await anext(messages)


async def test_a_streams_own_timeout_stays_what_it_is(scene: Scene) -> None:
    async def fail() -> AsyncGenerator[int, None]:
        yield 1
        raise TimeoutError("mine")

    messages = scene.streams.cut_short(fail(), await scene.admit(scene.directory.issue("ada")))

    with pytest.raises(TimeoutError, match="mine"):
        _ = [message async for message in messages]


async def _one_then_silence() -> AsyncGenerator[int, None]:
    yield 1
    await asyncio.Event().wait()


@pytest.mark.parametrize("beat_seconds", [0, 3600])
async def test_a_look_comes_with_the_beat_or_as_soon_as_it_is_asked_for(scene: Scene, beat_seconds: float) -> None:
    key = scene.directory.issue("ada")
    streams = OpenStreams(scene.authenticator, beat_seconds=beat_seconds, most_per_user=0)
    admission = await scene.admit(key)
    streams.start()

    with streams.hold(admission, scene.errors.append):
        scene.directory.revoke(key)
        scene.authenticator.forget()
        if beat_seconds:
            streams.wake()
        await until(lambda: bool(scene.errors))
    streams.close()


async def test_a_fault_of_one_look_does_not_end_the_looking(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    key = scene.directory.issue("ada")
    streams = OpenStreams(scene.authenticator, beat_seconds=0, most_per_user=0)
    admission = await scene.admit(key)
    find_key, faults = scene.directory.find_key, iter([True])

    def break_once(key_hash: bytes) -> KeyHolder | None:
        if next(faults, False):
            raise ValueError("a fault of ours")
        return find_key(key_hash)

    monkeypatch.setattr(scene.directory, "find_key", break_once)
    streams.start()

    with streams.hold(admission, scene.errors.append):
        scene.directory.revoke(key)
        scene.authenticator.forget()
        await until(lambda: bool(scene.errors))
    streams.close()
