"""Which plugins there are."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from plugins import registry
from plugins.registry import Registry
from qserver.errors import NotFound, SettingsError
from tests.unit.plugins.fakes import CoinPlugin


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points of the group, which the test fills; no plugin is built in but the coin."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(registry, "entry_points", lambda *, group: EntryPoints(points).select(group=group))
    monkeypatch.setattr(registry, "BUILT_IN", ("tests.unit.plugins.fakes:CoinPlugin",))
    return points


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, "qserver.plugins")


def test_plugins_are_found_by_name() -> None:
    coin, dice = CoinPlugin(), CoinPlugin("dice", ("d6", "d20"))

    plugins = Registry([coin, dice])

    assert plugins.plugin("dice") is dice
    assert plugins.plugins == (coin, dice)


def test_built_in_plugins_and_those_of_entry_points_are_loaded(entry_points: list[EntryPoint]) -> None:
    entry_points.append(point("second", "tests.unit.plugins.fakes:SecondCoinPlugin"))
    entry_points.append(EntryPoint("other", "nowhere:at_all", "console_scripts"))

    assert [plugin.name for plugin in Registry.built_in().plugins] == ["coin", "second"]


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("tests.unit.plugins.fakes:BrokenPlugin", "OSError: its library is missing"),
        ("tests.unit.plugins.nowhere:Plugin", "ModuleNotFoundError"),
        ("tests.unit.plugins.fakes:Nobody", "AttributeError"),
    ],
)
def test_a_plugin_that_can_not_be_loaded_is_named(entry_points: list[EntryPoint], value: str, fault: str) -> None:
    entry_points.append(point("broken", value))

    with pytest.raises(SettingsError, match=f"the plugin 'broken' of an unknown distribution .*{fault}"):
        Registry.built_in()


def test_two_plugins_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="two plugins are called 'coin'"):
        Registry([CoinPlugin(), CoinPlugin(backends=("other",))])


def test_two_backends_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="the plugins 'coin' and 'dice' both bring a backend 'coin'"):
        Registry([CoinPlugin(), CoinPlugin("dice")])


def test_unknown_names_are_told_with_the_known_ones() -> None:
    plugins = Registry([CoinPlugin()])

    with pytest.raises(NotFound, match="no plugin 'dice'; there are: coin"):
        plugins.plugin("dice")


def test_a_plugin_whose_engine_is_not_installed_is_told() -> None:
    there, absent = CoinPlugin(), CoinPlugin("dice", ("dice",))
    there.engine_modules = ("json",)
    absent.engine_modules = ("no_such_engine",)

    assert Registry([there, absent]).lacking_engines == frozenset({"dice"})
