from pathlib import Path

import pytest

from qserver.settings import load_settings
from standalone.options import parse_options
from standalone.server import standalone_settings


def _ports(arguments: list[str]) -> tuple[int, int]:
    settings = standalone_settings(load_settings(), parse_options(arguments))
    return settings.jobs_server.grpc_port, settings.rest_api.http_port


def test_up_serves_on_the_documented_ports() -> None:
    options = parse_options(["up"])

    assert _ports(["up"]) == (50051, 8080)
    assert options.data_folder == Path("~/.local/share/qserver").expanduser()


@pytest.mark.parametrize("arguments", [[], ["--grpc-port", "50051"]])
def test_without_a_command_it_serves(arguments: list[str]) -> None:
    options = parse_options(arguments)

    assert options.command == "up"


def test_ports_of_the_environment_are_taken_unless_the_command_line_names_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QSERVER_GRPC_PORT", "50100")
    monkeypatch.setenv("QSERVER_HTTP_PORT", "8100")

    assert _ports(["up", "--grpc-port", "0"]) == (0, 8100)


def test_a_plugin_folder_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    options = parse_options(["up", "--data", str(tmp_path)])
    chosen = [standalone_settings(load_settings(), options).plugins.plugin_folder]
    monkeypatch.setenv("QSERVER_PLUGIN_FOLDER", "/srv/plugins")
    chosen.append(standalone_settings(load_settings(), options).plugins.plugin_folder)

    assert chosen == [tmp_path / "plugins", Path("/srv/plugins")]


def test_demo_takes_a_circuit_and_shots() -> None:
    options = parse_options(["demo", "--circuit", "mine.qasm", "--shots", "5000", "--once"])

    assert (options.circuit, options.shots, options.once) == (Path("mine.qasm"), 5000, True)


@pytest.mark.parametrize("arguments", [["serve"], ["-x"], ["up", "--grpc-port", "70000"], ["up", "--http-port", "x"]])
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(arguments)

    assert caught.value.code == 2
