"""Packages that only some use: loaded when they are needed, named when they are missing."""

from importlib import import_module
from types import ModuleType

from qserver.errors import MissingPackage


def load(module: str, *, extra: str, what: str) -> ModuleType:
    """Import a module of a package that the extra brings. Raises MissingPackage, saying that `what` needs it."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise MissingPackage(
            f"{what} need {package}, which isn't installed: pip install 'qserver-sdk[{extra}]'"
        ) from error
