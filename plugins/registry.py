"""Which plugins there are: those built in, and those that other distributions bring by entry point.

File plugins are none of these: they live in environments of their own (`plugins.file_plugin`).
"""

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Self, cast

from plugins import BUILT_IN
from qserver.errors import NotFound, SettingsError
from qserver.plugins import ENTRY_POINT_GROUP, Plugin

PRELOADED_MODULES: tuple[str, ...] = ("plugins.child", "plugins.engines")
"""What a forkserver should load, so that its children can inspect and run circuits from their first moment."""

_Factory = Callable[[], Plugin]


class Registry:
    """Plugins by name. Never changes."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        """Take in plugins. Raises SettingsError where two bring a plugin or a backend of the same name."""
        self._plugins: dict[str, Plugin] = {}
        self._plugin_of_backend: dict[str, str] = {}
        for plugin in plugins:
            self._add(plugin)

    @classmethod
    def built_in(cls) -> Self:
        """Load the light halves of all plugins that are installed beside QServer: its own, and by entry point.

        Raises SettingsError naming the plugin that can't be loaded.
        """
        own = [_load_built_in(address) for address in BUILT_IN]
        return cls([*own, *(_load_entry_point(point) for point in entry_points(group=ENTRY_POINT_GROUP))])

    @property
    def plugins(self) -> Sequence[Plugin]:
        """All plugins, in the order in which they were found."""
        return tuple(self._plugins.values())

    @property
    def lacking_engines(self) -> frozenset[str]:
        """Names of the plugins that can't run here, as an engine module that they state isn't installed."""
        return frozenset(plugin.name for plugin in self._plugins.values() if not _has_engine(plugin))

    def plugin(self, name: str) -> Plugin:
        """Give the plugin of this name. Raises NotFound."""
        if name not in self._plugins:
            raise NotFound(f"there is no plugin '{name}'; there are: {', '.join(self._plugins) or 'none'}")
        return self._plugins[name]

    def _add(self, plugin: Plugin) -> None:
        if plugin.name in self._plugins:
            raise SettingsError(f"two plugins are called '{plugin.name}': uninstall one of them")
        self._plugins[plugin.name] = plugin
        for spec in plugin.backends():
            if other := self._plugin_of_backend.get(spec.name):
                raise SettingsError(f"the plugins '{other}' and '{plugin.name}' both bring a backend '{spec.name}'")
            self._plugin_of_backend[spec.name] = plugin.name


def _has_engine(plugin: Plugin) -> bool:
    modules: Sequence[str] = getattr(plugin, "engine_modules", ())
    return all(importlib.util.find_spec(module) is not None for module in modules)


def _load_built_in(address: str) -> Plugin:
    module, _, name = address.partition(":")
    return cast("_Factory", getattr(importlib.import_module(module), name))()


def _load_entry_point(point: EntryPoint) -> Plugin:
    try:
        return cast("_Factory", point.load())()
    except Exception as error:
        origin = point.dist.name if point.dist else "an unknown distribution"
        raise SettingsError(
            f"the plugin '{point.name}' of {origin} can't be loaded ({point.value}): {type(error).__name__}: {error}"
        ) from error
