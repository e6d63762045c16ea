from plugins.file_plugin.installations import INSTALLING, READY, RETRY_SECONDS, Installations
from qserver.plugins import FilePluginPin, InstallState

AER = FilePluginPin("aer-plugin", "0.0.2")
FAKE = FilePluginPin("fake-plugin", "0.0.1")
NEW_FAKE = FilePluginPin("fake-plugin", "0.0.2")


def test_nothing_is_unwanted_before_anybody_said_what_is_wanted() -> None:
    installations = Installations()

    assert not installations.is_told


def test_what_is_built_already_is_ready_and_the_rest_is_due() -> None:
    installations = Installations()

    installations.want([AER, FAKE], ready=[AER], now=10.0)

    assert installations.report() == {"aer-plugin": READY, "fake-plugin": INSTALLING}
    assert installations.due(now=10.0) == FAKE


def test_plugins_are_built_in_the_order_of_their_arrival() -> None:
    installations = Installations()
    installations.want([FAKE], ready=[], now=1.0)
    installations.want([AER, FAKE], ready=[], now=2.0)

    assert installations.due(now=3.0) == FAKE
    installations.succeed(FAKE)
    assert installations.due(now=3.0) == AER


def test_a_failure_is_tried_again_later_and_stays_a_failure_meanwhile() -> None:
    installations = Installations()
    installations.want([FAKE], ready=[], now=0.0)

    installations.fail(FAKE, "no room", now=5.0)

    assert installations.report()["fake-plugin"].state is InstallState.FAILED
    assert installations.report()["fake-plugin"].message == "no room"
    assert installations.due(now=5.0 + RETRY_SECONDS - 1.0) is None
    assert installations.seconds_until_due(now=5.0) == RETRY_SECONDS
    assert installations.due(now=5.0 + RETRY_SECONDS) == FAKE


def test_wanting_the_same_again_changes_nothing() -> None:
    installations = Installations()
    installations.want([FAKE], ready=[], now=0.0)
    installations.fail(FAKE, "no room", now=1.0)

    installations.want([FAKE], ready=[], now=2.0)

    assert installations.report()["fake-plugin"].message == "no room"


def test_another_version_starts_anew() -> None:
    installations = Installations()
    installations.want([FAKE], ready=[], now=0.0)
    installations.fail(FAKE, "no room", now=1.0)

    installations.want([NEW_FAKE], ready=[], now=2.0)

    assert installations.due(now=2.0) == NEW_FAKE
    assert installations.pins() == {NEW_FAKE}


def test_news_of_a_plugin_that_is_no_longer_wanted_is_ignored() -> None:
    installations = Installations()
    installations.want([NEW_FAKE], ready=[], now=0.0)

    installations.succeed(FAKE)
    installations.fail(AER, "too late", now=1.0)

    assert installations.report() == {"fake-plugin": INSTALLING}


def test_with_nothing_to_build_nothing_is_ever_due() -> None:
    installations = Installations()
    installations.want([AER], ready=[AER], now=0.0)

    assert installations.seconds_until_due(now=0.0) is None
