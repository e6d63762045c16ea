"""How many streams are open: of each user, and of each address whose clients need no key."""

from contextlib import ExitStack
from dataclasses import replace
from uuid import uuid4

import pytest

from qserver.access.authenticator import Authenticator
from qserver.access.open_streams import OpenStreams
from qserver.clock import FakeClock
from qserver.errors import QuotaExceeded, ReachedLimit
from qserver.identity import ANONYMOUS, GUEST, Identity, Role
from qserver.quotas import QuotaUse
from qserver.settings import AccessSettings
from tests.unit.access.people import FakeDirectory, FakeVerifier

MOST = 3


def _streams(most_per_user: int) -> OpenStreams:
    settings = AccessSettings.model_validate({"auth": "required"})
    authenticator = Authenticator(settings, FakeDirectory(), is_required=True, tokens=FakeVerifier(), clock=FakeClock())
    return OpenStreams(authenticator, beat_seconds=60, most_per_user=most_per_user)


def _fill(streams: OpenStreams, opened: ExitStack, caller: Identity) -> None:
    for _ in range(MOST):
        opened.enter_context(streams.share(caller))


async def test_a_user_has_no_more_streams_than_allowed_whatever_keys_they_use() -> None:
    streams = _streams(MOST)
    ada, eve = Identity(uuid4(), "ada", Role.ADMIN, key_id=uuid4()), Identity(uuid4(), "eve", Role.USER)
    with ExitStack() as opened:
        _fill(streams, opened, ada)

        with pytest.raises(QuotaExceeded, match="user ada may have 3 streams open at once") as caught:
            opened.enter_context(streams.share(replace(ada, key_id=uuid4())))

        assert caught.value.limit == ReachedLimit("max_open_streams_per_user", MOST, 5)
        assert streams.use(ada) == QuotaUse("max_open_streams_per_user", MOST, MOST)
        with streams.share(eve):
            pass  # others find room
    with streams.share(ada):
        pass  # and so does who has closed some


@pytest.mark.parametrize("nobody_asked", [GUEST, ANONYMOUS])
@pytest.mark.parametrize(
    ("here", "beside", "elsewhere"),
    [("192.0.2.7", "192.0.2.7", "192.0.2.8"), ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")],
)
async def test_who_needs_no_key_is_counted_by_address(
    nobody_asked: Identity, here: str, beside: str, elsewhere: str
) -> None:
    streams = _streams(MOST)
    with ExitStack() as opened:
        _fill(streams, opened, replace(nobody_asked, address=here))

        with pytest.raises(QuotaExceeded, match=f"clients at {beside} may have 3 streams"):
            opened.enter_context(streams.share(replace(nobody_asked, address=beside)))
        with streams.share(replace(nobody_asked, address=elsewhere)):
            pass


async def test_without_a_limit_nobody_counts() -> None:
    streams, ada = _streams(0), Identity(uuid4(), "ada", Role.USER)
    with ExitStack() as opened:
        for _ in range(2):
            _fill(streams, opened, ada)

        assert streams.use(ada) == QuotaUse("max_open_streams_per_user", None, None)
