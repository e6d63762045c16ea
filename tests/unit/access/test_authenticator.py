"""From a request to a caller."""

import asyncio
from datetime import timedelta
from threading import Event

import pytest

from qserver.access.authenticator import Authenticator
from qserver.access.directory import KeyHolder, TokenHolder
from qserver.access.keys import make_key
from qserver.access.visitor import Visitor
from qserver.clock import FakeClock
from qserver.errors import PermissionDenied, QuotaExceeded, Unauthenticated
from qserver.identity import ANONYMOUS, GUEST, Permission, Role
from qserver.settings import AccessSettings
from tests.unit.access.people import FakeDirectory, FakeVerifier

SETTINGS = AccessSettings.model_validate(
    {"auth": "required", "anonymous_from": "192.168.7.0/24,fd00::/8", "key_failures_per_minute": 3}
)


class Door:
    """An authenticator over a directory, at a time that stands still."""

    def __init__(self, settings: AccessSettings = SETTINGS, *, is_required: bool = True) -> None:
        self.clock = FakeClock()
        self.directory = FakeDirectory()
        self.verifier = FakeVerifier()
        self.authenticator = Authenticator(
            settings, self.directory, is_required=is_required, tokens=self.verifier, clock=self.clock
        )

    def who(self, credential: str = "", *, address: str = "192.0.2.7", is_encrypted: bool = True) -> str:
        visitor = Visitor(credential, address, is_encrypted=is_encrypted)
        return self.authenticator.identify(visitor).name


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_key_is_its_holder(door: Door) -> None:
    key = door.directory.issue("ada", Role.VIEWER, scopes=frozenset({Permission.READ}))

    identity = door.authenticator.identify(Visitor(key, "192.0.2.7", is_encrypted=True))

    assert (identity.name, identity.role, identity.address) == ("ada", Role.VIEWER, "192.0.2.7")
    assert identity.permissions == {Permission.NONE, Permission.READ}


@pytest.mark.parametrize(
    "credential", [pytest.param(make_key(), id="unknown"), "qserver_", "qserver_\x00", "ä" * 20, "x" * 100_000]
)
def test_what_is_no_key_is_refused(door: Door, credential: str) -> None:
    door.directory.issue("ada")

    with pytest.raises(Unauthenticated):
        door.who(credential)


def test_without_a_key_one_is_asked_for(door: Door) -> None:
    with pytest.raises(Unauthenticated, match="no key was given: send it as 'Authorization: Bearer <key>'"):
        door.who()


@pytest.mark.parametrize("address", ["192.168.7.3", "fd12::1"])
def test_from_a_network_that_is_named_nobody_needs_a_key(door: Door, address: str) -> None:
    identity = door.authenticator.identify(Visitor(address=address))

    assert identity == GUEST
    assert not identity.may(Permission.ADMINISTER)


@pytest.mark.parametrize("address", ["192.168.8.3", "::1", "", "nowhere"])
def test_from_any_other_they_do(door: Door, address: str) -> None:
    with pytest.raises(Unauthenticated):
        door.who(address=address)


def test_a_wrong_key_is_wrong_from_a_network_that_is_named_too(door: Door) -> None:
    with pytest.raises(Unauthenticated, match="not known"):
        door.who(make_key(), address="192.168.7.3")


def test_where_keys_are_off_nobody_is_asked() -> None:
    door = Door(is_required=False)

    assert door.authenticator.identify(Visitor("anything", "192.0.2.7")) == ANONYMOUS
    assert door.directory.looks == 0


def test_a_key_in_cleartext_is_refused_even_where_it_is_good(door: Door) -> None:
    key = door.directory.issue("ada")

    with pytest.raises(PermissionDenied, match="in cleartext"):
        door.who(key, is_encrypted=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_a_key_may_come_in_cleartext_from_this_machine(door: Door, address: str) -> None:
    assert door.who(door.directory.issue("ada"), address=address, is_encrypted=False) == "ada"


def test_a_key_may_come_in_cleartext_where_the_settings_say_so() -> None:
    door = Door(SETTINGS.model_copy(update={"cleartext_keys": True}))

    assert door.who(door.directory.issue("ada"), is_encrypted=False) == "ada"


def test_a_good_key_is_looked_at_once_in_a_while(door: Door) -> None:
    key = door.directory.issue("ada")

    for _ in range(5):
        door.who(key)
    assert door.directory.looks == 1

    door.clock.advance(5)
    door.who(key)
    assert door.directory.looks == 2


def test_a_revoked_key_is_worthless_within_seconds(door: Door) -> None:
    key = door.directory.issue("ada")
    door.who(key)
    door.directory.revoke(key)

    door.clock.advance(5)

    with pytest.raises(Unauthenticated):
        door.who(key)


def test_a_revoked_key_is_worthless_at_once_where_that_is_told(door: Door) -> None:
    key = door.directory.issue("ada")
    door.who(key)
    door.directory.revoke(key)

    door.authenticator.forget()

    with pytest.raises(Unauthenticated):
        door.who(key)


def test_a_key_expires_while_it_is_remembered(door: Door) -> None:
    key = door.directory.issue("ada", expires_at=door.clock.now() + timedelta(seconds=2))
    door.who(key)

    door.clock.advance(2)

    with pytest.raises(Unauthenticated, match="expired at 2026-01-01 00:00:02 UTC"):
        door.who(key)


def test_an_address_may_be_wrong_so_often_and_no_more(door: Door) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.who(make_key())

    with pytest.raises(QuotaExceeded, match=r"3 a minute \(QSERVER_KEY_FAILURES_PER_MINUTE\); try again in 20 s"):
        door.who(make_key())


def test_past_the_limit_no_token_is_looked_at(door: Door) -> None:
    until = door.clock.now() + timedelta(hours=1)
    door.verifier.tokens["a.b.c"] = TokenHolder("issuer|1", "ada", Role.ADMIN, door.clock.now(), until)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.who("x.y.z")

    with pytest.raises(QuotaExceeded):
        door.who("a.b.c")
    assert door.who("a.b.c", address="192.0.2.8") == "ada"


def test_nobody_behind_the_same_address_is_locked_out(door: Door) -> None:
    key = door.directory.issue("ada")
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.who(make_key())

    assert door.who(key) == "ada"


def test_a_key_that_is_revoked_while_it_is_looked_at_is_not_remembered(door: Door) -> None:
    key = door.directory.issue("ada")
    find_key = door.directory.find_key

    def find_then_revoke(key_hash: bytes) -> KeyHolder | None:
        holder = find_key(key_hash)
        door.directory.find_key = find_key  # type: ignore[method-assign]
        door.directory.revoke(key)
        door.authenticator.forget()
        return holder

    door.directory.find_key = find_then_revoke  # type: ignore[method-assign]

    assert door.who(key) == "ada"  # asked before it was revoked
    with pytest.raises(Unauthenticated):
        door.who(key)


def test_failures_are_forgiven_with_time(door: Door) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            door.who(make_key())

    door.clock.advance(20)

    with pytest.raises(Unauthenticated):
        door.who(make_key())


def test_a_whole_ipv6_network_counts_as_one_address(door: Door) -> None:
    for number in range(3):
        with pytest.raises(Unauthenticated):
            door.who(make_key(), address=f"2001:db8::{number:x}")

    with pytest.raises(QuotaExceeded):
        door.who(make_key(), address="2001:db8::ffff")
    with pytest.raises(Unauthenticated):
        door.who(make_key(), address="2001:db8:0:1::1")


def test_a_token_is_its_bearer(door: Door) -> None:
    until = door.clock.now() + timedelta(seconds=3)
    door.verifier.tokens["a.b.c"] = TokenHolder("issuer|1", "ada", Role.ADMIN, door.clock.now(), until)

    assert [door.who("a.b.c"), door.who("a.b.c")] == ["ada", "ada"]
    assert door.directory.looks == 1

    door.clock.advance(3)
    with pytest.raises(Unauthenticated, match="expired"):
        door.who("a.b.c")


def test_a_token_of_somebody_who_is_shut_out_is_refused(door: Door) -> None:
    until = door.clock.now() + timedelta(hours=1)
    door.verifier.tokens["a.b.c"] = TokenHolder("issuer|1", "ada", Role.ADMIN, door.clock.now(), until)
    door.directory.disabled.add("issuer|1")

    with pytest.raises(Unauthenticated, match="ada is disabled"):
        door.who("a.b.c")


async def test_the_event_loop_is_not_held_up(door: Door) -> None:
    key = door.directory.issue("ada")

    first = await door.authenticator.admit(Visitor(key, "192.0.2.7", is_encrypted=True))
    second = await door.authenticator.admit(Visitor(key, "192.0.2.8", is_encrypted=True))

    assert [first.address, second.address] == ["192.0.2.7", "192.0.2.8"]
    assert door.directory.looks == 1


async def test_keys_are_looked_at_while_tokens_wait_for_their_issuer(door: Door) -> None:
    key, answered = door.directory.issue("ada"), Event()
    door.verifier.wait_for_issuer = answered.wait
    tokens = [Visitor(f"a.b.{number}", "192.0.2.7", is_encrypted=True) for number in range(100)]
    waiting = [asyncio.create_task(door.authenticator.admit(token)) for token in tokens]
    try:
        async with asyncio.timeout(30):
            admitted = await door.authenticator.admit(Visitor(key, "192.0.2.8", is_encrypted=True))
    finally:
        answered.set()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert admitted.name == "ada"
