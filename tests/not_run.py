"""The blocks of our pages that no test runs as they stand there, each with why, and with what runs in its place."""

from collections.abc import Mapping

from tests.documents import PYTHON, SHELL, Block, blocks_of

_COMPOSE = "docker compose, which `make test-compose` has"
_PICTURE = "a picture"
_OWN_NETWORK = "an address of one's own network; tests/acceptance/test_documented_commands.py has such a server here"

WHOLE_PAGES: Mapping[str, str] = {
    "CONTRIBUTING.md": "targets of make, which run these tests, or for hours",
    "docs/architecture.md": _PICTURE,
    "docs/howto/backup.md": "docker compose; tests/compose/test_5_life.py makes a backup and restores it",
    "docs/howto/deploy.md": "docker compose; tests/compose start it and ask it the same, but have no GPU",
    "docs/howto/logs.md": "docker compose; no test filters its logs, tests/compose/test_1_start.py finds them",
    "docs/howto/scale.md": "docker compose; tests/unit/deploy/test_make_env.py divides the box",
    "docs/howto/stuck-jobs.md": "the doctor of a deployment; tests/unit/doctor and `make test-compose` ask it",
    "docs/howto/tls.md": "names and certificates of a real host; tests/integration/proxy run the scripts and the proxy",
    "docs/howto/upgrade.md": "docker compose; tests/compose/test_5_life.py upgrades under load",
    "docs/howto/worker-on-another-machine.md": "two machines; `make test-compose` has a worker behind the endpoint",
    "docs/howto/write-a-plugin.md": "tests/integration/plugin_templates build, install and run both templates",
    "docs/performance.md": "`make bench` takes half an hour; tests/unit/bench run what it is made of",
    "docs/reliability.md": "`make chaos` and `make load`, of which `make test` has small ones, and what they wrote",
}
"""Pages of which nothing is run."""

LINES: Mapping[str, Mapping[str, str]] = {
    "README.md": {
        "  client --gRPC-->": _PICTURE,
        "make demo": "sets up .venv first; tests/acceptance/test_standalone.py runs what it starts then",
        "Bell pair (OpenQASM 2)": "what `make demo` writes; tests/acceptance/test_standalone.py reads it",
        "make up": "serves for weeks; every server of these tests is started as it starts one",
        "QSERVER_AUTH=required": _OWN_NETWORK,
        "make env": _COMPOSE,
        "make test": "runs these tests",
        "make check": "what .ci/run does first",
        "make docs": "a part of `make check`",
    },
    "docs/howto/limits.md": {"docker compose logs": _COMPOSE},
    "docs/howto/users-and-keys.md": {
        "key=": "reads the `.env` of docker compose; the test has the key of its own server",
        "QSERVER_AUTH=required": _OWN_NETWORK,
        "QSERVER_OIDC_ISSUER": "settings of an issuer; tests/unit/access/test_tokens.py has one",
    },
    "docs/quickstart.md": {
        "make wheel": "tests/acceptance/test_wheel.py builds the wheel and installs it",
        "export ": "the reader's own box, key and authority; the test exports its own",
    },
    "docs/howto/command-line.md": {
        "pip install": "tests/acceptance/test_wheel.py builds the wheel and installs it",
        "qserver jobs --status running --follow": "never ends; tests/acceptance/test_command_line.py ends it",
    },
}
"""Lines of commands, and blocks, by how they (or their first line) begin. The other lines of a page are run."""


def reason_of(page: str, line: str) -> str | None:
    """Say why a line is not run, if it isn't."""
    found = (reason for beginning, reason in LINES.get(page, {}).items() if line.startswith(beginning))
    return next(found, None)


def is_run(block: Block) -> bool:
    """Whether tests run a block, or some lines of it."""
    if block.page in WHOLE_PAGES or block.language not in {SHELL, PYTHON}:
        return False
    return any(reason_of(block.page, line) is None for line in block.lines)


def commands_of(page: str) -> str:
    """Give all commands of a page that are run, as one script."""
    return "\n".join(
        line
        for block in blocks_of(page)
        if block.language == SHELL and is_run(block)
        for line in block.text.splitlines()
        if reason_of(page, line) is None
    )
