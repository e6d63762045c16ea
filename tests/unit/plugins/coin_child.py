"""A process that knows the coin plugin alone, as `plugins.child` knows the real ones."""

from plugins.child import handlers
from plugins.registry import Registry
from qserver.sandbox.child import serve
from tests.unit.plugins.fakes import CoinPlugin


def main() -> None:
    serve(handlers(Registry([CoinPlugin()])))
