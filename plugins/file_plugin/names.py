"""Shapes of the names that arrive from outside: checked once here, used as file names and arguments afterwards."""

import re

from qserver.errors import InvalidRequest

MAX_NAME_LENGTH = 100
_DISTRIBUTION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+]*", re.ASCII)
_BACKEND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


def normalized(name: str) -> str:
    """Write a distribution's name as package indexes do (PEP 503): lower case, runs of `-_.` become one `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_distribution(name: str) -> None:
    """Raise InvalidRequest unless `name` is a distribution's normalised name, such as `aer-plugin`."""
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidRequest(f"the plugin's name has {len(name)} characters; the limit is {MAX_NAME_LENGTH}")
    if _DISTRIBUTION.fullmatch(name):
        return
    if _DISTRIBUTION.fullmatch(normalized(name)):
        raise InvalidRequest(f"plugin name {name!r} must be written {normalized(name)!r}")
    raise InvalidRequest(f"plugin name {name!r} is no name of a distribution: letters, digits and single '-' between")


def is_version(text: str) -> bool:
    """Tell whether `text` can be a version of a wheel, and part of a path."""
    return len(text) <= MAX_NAME_LENGTH and _VERSION.fullmatch(text) is not None


def is_backend(text: str) -> bool:
    """Tell whether `text` can name a backend. `:` is not among the letters: it parts plugin and backend."""
    return len(text) <= MAX_NAME_LENGTH and _BACKEND.fullmatch(text) is not None


def import_name(distribution: str) -> str:
    """Give the name of the module that a plugin's distribution brings."""
    return distribution.replace("-", "_")
