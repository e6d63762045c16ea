"""What runs circuits: the plugins that come with QServer, and how services reach any plugin without trusting it."""

BUILT_IN: tuple[str, ...] = (
    "plugins.aer.plugin:AerPlugin",
    "plugins.qsim.plugin:QsimPlugin",
    "plugins.auto.plugin:AutoPlugin",
)
"""Plugins that are always there, as "module:callable"; the callable takes nothing and gives the plugin.

Named, not imported: a service that only looks at one of them shouldn't pay for all.
"""
