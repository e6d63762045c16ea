"""Write the lock of a plugin for this Python and this machine: `python -m plugins.file_plugin.locking NAME[==VERSION]`.

Run it where the plugin will run:

    docker compose run --rm --no-deps -T worker python -m plugins.file_plugin.locking aer-plugin >locks/aer-plugin.txt

and read the list before you put it there: these are the wheels whose code will run.
"""

import sys
import tempfile
from pathlib import Path

from plugins.file_plugin.environment import fetch_wheel, resolved_lock
from plugins.file_plugin.names import check_distribution, is_version
from plugins.file_plugin.pip_process import PipSession
from qserver.errors import InvalidRequest, QServerError
from qserver.settings import PluginSettings, load_settings


def lock_plugin(requirement: str, settings: PluginSettings) -> str:
    """Resolve all that a plugin needs, running none of it. Raises InvalidRequest, and PipFailed."""
    name, parts, version = requirement.partition("==")
    check_distribution(name)
    if parts and not is_version(version):
        raise InvalidRequest(f"{version!r} is no version")
    links = [settings.plugin_wheel_folder.expanduser()] if settings.plugin_wheel_folder else []
    pip = PipSession(timeout_seconds=settings.plugin_install_seconds)
    with tempfile.TemporaryDirectory(prefix="qserver-lock-") as folder:
        wheel = fetch_wheel(pip, requirement, Path(folder), settings.plugin_wheel_folder)
        return resolved_lock(pip, wheel, find_links=links)


def main(arguments: list[str]) -> int:
    """Print the lock, and give the exit status."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)  # noqa: T201 - a command line's answer
        return 2
    try:
        print(lock_plugin(arguments[0], load_settings().plugins), end="")  # noqa: T201
    except QServerError as error:
        print(f"lock: {error.message}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
