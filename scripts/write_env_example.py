"""Write .env.example from the settings tree. `--check` fails where the committed one is stale."""

import argparse
import sys
from pathlib import Path

from pydantic import SecretStr

from qserver.settings import variables

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / ".env.example"
COMPOSE = ROOT / "deploy" / "env.example"
"""What no service reads, kept by hand."""
HEADER = """# Every setting of QServer, with what it means, its unit and its default. Read from the environment:
# copy this file to .env, uncomment what you change, and `set -a; . ./.env; set +a` before you start a service by hand.
# A password or a URL may stand in a file instead: QSERVER_DATABASE_PASSWORD_FILE=/run/secrets/database_password, ...
# `make up` and `make demo` keep all in one process and folder: variables of the database and the broker don't count.
# Written by `python -m scripts.write_env_example` from qserver/settings/ and deploy/env.example.
"""


def as_text(default: object) -> str:
    """Give a default as it would be written in the environment."""
    match default:
        case SecretStr():
            return default.get_secret_value()
        case None:
            return ""
        case bool():
            return str(default).lower()
        case tuple():
            return ",".join(default)
        case _:
            return str(default)


def render() -> str:
    """Give the whole file."""
    blocks = [
        f"\n# {description}\n# {name}={as_text(default)}\n" for name, (default, description) in variables().items()
    ]
    return HEADER + "".join(blocks) + COMPOSE.read_text()


def main() -> None:
    """Write in place, or compare with `--check`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        TARGET.write_text(render())
    elif TARGET.read_text() != render():
        sys.exit("stale .env.example, run: python -m scripts.write_env_example")


if __name__ == "__main__":
    main()
