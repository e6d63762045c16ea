"""What a plugin may do, and what happens when it does what it may not."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.file_plugin.installer import FilePluginHost
from plugins.file_plugin.process import FilePluginProcess
from qserver.errors import Reason
from qserver.json_types import JsonValue
from qserver.plugins import Failure, FilePluginPin, InstallState, Outcome, Success
from qserver.results import ResultType
from qserver.sandbox.errors import ChildDied, ChildMisbehaved, ChildTimedOut
from tests.integration.file_plugin.conftest import HostMaker, wait_for
from tests.integration.file_plugin.tasks import BELL, LIMITS, make_task
from tests.unit.file_plugin.wheels import make_wheel

NAME = "acting-plugin"

ACTING_PLUGIN = """
import importlib, os, socket, subprocess, sys, time

class Plugin:
    backends = ["acting"]

    def __init__(self):
        self.calls = 0

    def execute(self, target_backend, qasm_file_path, metadata, result_type):
        self.calls += 1
        self.metadata = metadata
        getattr(self, metadata["act"], lambda: None)()
        return metadata.get("give", {"0": self.calls})

    def fail(self):
        raise ValueError("the third wheel is missing")

    def talk(self):
        print("x" * 1_000_000)
        print("y" * 1_000_000, file=sys.stderr, flush=True)
        os.system("echo from a child")

    def leave(self):
        sys.exit("had enough")

    def vanish(self):
        os._exit(3)

    def sleep(self):
        time.sleep(600)

    def eat(self):
        self.food = [bytearray(16_000_000) for _ in range(200)]

    def call_home(self):
        socket.create_connection(("127.0.0.1", 9))

    def forge(self):
        os.write(3, b"no frame at all, but long enough to be read as the start of one")

    def look_around(self):
        for name in ("database", "plugins", "worker", "pydantic", "pika"):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
            raise AssertionError(f"could import {name}")
        assert not [name for name in os.environ if name.startswith("QSERVER_")], os.environ
        assert not sys.argv[2:]

    def pry(self):
        with open(self.metadata["path"], "rb") as file:
            file.read()

    def carve(self):
        with open(os.path.join(os.path.dirname(__file__), "new.py"), "w") as file:
            file.write("import evil")

    def stray(self):
        with open("notes.txt", "w") as file:
            file.write("in my own folder")
        raise RuntimeError(os.getcwd())
"""


@pytest.fixture(scope="module")
def host(make_session_host: HostMaker, tmp_path_factory: pytest.TempPathFactory) -> FilePluginHost:
    folder = tmp_path_factory.mktemp("running")
    make_wheel(folder / "wheels", NAME, code=ACTING_PLUGIN, backends=b"acting\n")
    host = make_session_host(plugin_folder=folder / "plugins", plugin_wheel_folder=folder / "wheels")
    host.sync([FilePluginPin(NAME, "1.0")])
    wait_for(host, NAME, InstallState.READY)
    return host


@pytest.fixture
def process(host: FilePluginHost) -> Iterator[FilePluginProcess]:
    with host.spawn(NAME) as process:
        yield process


def act(process: FilePluginProcess, what: str, **metadata: JsonValue) -> Outcome:
    task = make_task("acting", source=BELL, act=what, **metadata)
    [outcome] = process.run(NAME, [task], LIMITS, timeout_seconds=60)
    return outcome


def test_a_process_is_kept_from_job_to_job(process: FilePluginProcess) -> None:
    first, second = act(process, "nothing"), act(process, "nothing")

    assert isinstance(first, Success)
    assert isinstance(second, Success)
    assert (first.result.counts, second.result.counts) == ({"0": 1}, {"0": 2})


def test_a_result_says_which_plugin_gave_it(process: FilePluginProcess) -> None:
    outcome = act(process, "nothing")

    assert isinstance(outcome, Success)
    run = outcome.result.run
    assert (run.plugin, run.plugin_version, run.engine, run.method) == (NAME, "1.0", NAME, "plugin")
    assert (run.shots, run.seed, run.backend) == (1000, None, "acting")
    assert run.seconds.simulating > 0


def test_what_a_plugin_raises_is_the_job_s_failure_and_not_the_process_s(process: FilePluginProcess) -> None:
    outcome = act(process, "fail")

    assert outcome == Failure("job", Reason.PLUGIN_ERROR, "ValueError: the third wheel is missing")
    assert isinstance(act(process, "nothing"), Success)


def test_what_a_plugin_prints_disturbs_nothing(process: FilePluginProcess) -> None:
    assert isinstance(act(process, "talk"), Success)


def test_a_plugin_that_wants_to_leave_fails_its_job_and_stays(process: FilePluginProcess) -> None:
    outcome = act(process, "leave")

    assert outcome == Failure("job", Reason.PLUGIN_ERROR, "SystemExit: had enough")
    assert process.is_alive


def test_a_plugin_that_ends_its_process_fails_its_job(process: FilePluginProcess) -> None:
    outcome = act(process, "vanish")

    assert outcome == Failure("job", Reason.PLUGIN_ERROR, "the plugin ended with exit code 3")
    assert not process.is_alive


def test_a_plugin_past_its_time_is_killed(process: FilePluginProcess) -> None:
    with pytest.raises(ChildTimedOut):
        process.run(NAME, [make_task("acting", act="sleep")], LIMITS, timeout_seconds=0.5)

    assert not process.is_alive


def test_a_running_plugin_can_be_killed_from_another_thread(process: FilePluginProcess) -> None:
    threading.Timer(0.5, process.kill).start()

    with pytest.raises(ChildDied) as caught:
        process.run(NAME, [make_task("acting", act="sleep")], LIMITS, timeout_seconds=60)

    assert caught.value.was_killed


def test_a_plugin_that_takes_too_much_memory_fails_and_nothing_else_does(process: FilePluginProcess) -> None:
    outcome = act(process, "eat")

    assert outcome == Failure("job", Reason.OUT_OF_MEMORY, "ran out of memory")


def test_a_plugin_has_no_network(process: FilePluginProcess) -> None:
    outcome = act(process, "call_home")

    assert isinstance(outcome, Failure)
    assert outcome.message.startswith("PermissionError")


def test_a_plugin_that_writes_into_the_channel_is_killed(process: FilePluginProcess) -> None:
    with pytest.raises(ChildMisbehaved):
        act(process, "forge")

    assert not process.is_alive


def test_a_plugin_sees_none_of_our_packages_and_variables(
    host: FilePluginHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QSERVER_DATABASE_URL", "postgresql://secret")
    with host.spawn(NAME) as process:
        outcome = act(process, "look_around")

    assert isinstance(outcome, Success), outcome


def test_a_plugin_reads_no_file_of_ours(process: FilePluginProcess, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the password")

    for path in (secret, Path("/proc") / str(os.getpid()) / "environ"):
        outcome = act(process, "pry", path=str(path))

        assert isinstance(outcome, Failure)
        assert outcome.message.startswith("PermissionError")


def test_a_plugin_changes_no_file_of_its_environment(process: FilePluginProcess) -> None:
    outcome = act(process, "carve")

    assert isinstance(outcome, Failure)
    assert outcome.message.startswith("PermissionError")


def test_what_a_plugin_leaves_in_its_folder_goes_with_its_process(host: FilePluginHost) -> None:
    with host.spawn(NAME) as process:
        outcome = act(process, "stray")

    assert isinstance(outcome, Failure)
    folder = Path(outcome.message.removeprefix("RuntimeError: "))
    assert folder.is_absolute()
    assert folder != Path(os.getcwd())  # noqa: PTH109 - as the plugin asks
    assert not folder.exists()


@pytest.mark.parametrize(
    ("garbage", "sentence"),
    [
        ("a string", "the plugin's counts are no dict of numbers"),
        ({"0": -5}, "the plugin's counts of '0' are -5, no number of shots"),
        ({"0": {"1": 2}}, "the plugin's counts hold dict where a number belongs"),
    ],
)
def test_garbage_is_a_failure_that_says_what_is_wrong(
    process: FilePluginProcess, garbage: JsonValue, sentence: str
) -> None:
    assert act(process, "nothing", give=garbage) == Failure("job", Reason.PLUGIN_ERROR, sentence)


def test_a_result_that_is_too_large_is_refused_with_the_limit(process: FilePluginProcess) -> None:
    outcome = act(process, "nothing", give={f"{number:0100b}": 1 for number in range(20_000)})

    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.RESULT_TOO_LARGE
    assert "the limit is 1,048,576" in outcome.message


def test_each_result_type_is_a_call_of_its_own(process: FilePluginProcess) -> None:
    task = make_task("acting", ResultType.COUNTS, ResultType.QUASI_DIST, act="nothing", give={"0": 1})

    [outcome] = process.run(NAME, [task], LIMITS, timeout_seconds=60)

    assert isinstance(outcome, Success)
    assert (outcome.result.counts, outcome.result.quasi_dist) == ({"0": 1}, {"0": 1.0})
    after = act(process, "nothing")
    assert isinstance(after, Success)
    assert after.result.counts == {"0": 3}


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import not_installed_anywhere", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("", "AttributeError: module 'broken_plugin' has no attribute 'Plugin'"),
        ("class Plugin:\n    def __init__(self):\n        raise OSError('no licence')", "OSError: no licence"),
        ("class Plugin: ...", "AttributeError: 'Plugin' object has no attribute 'execute'"),
    ],
)
def test_a_plugin_that_can_not_be_loaded_fails_each_job_with_the_cause(
    make_host: HostMaker, tmp_path: Path, code: str, sentence: str
) -> None:
    make_wheel(tmp_path / "wheels", "broken-plugin", code=code)
    host = make_host()
    host.sync([FilePluginPin("broken-plugin", "1.0")])
    wait_for(host, "broken-plugin", InstallState.READY)

    with host.spawn("broken-plugin") as process:
        outcomes = process.run("broken-plugin", [make_task("tiny"), make_task("tiny")], LIMITS, timeout_seconds=60)

    assert outcomes == [Failure("job", Reason.PLUGIN_ERROR, sentence)] * 2
