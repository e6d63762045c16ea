"""The two published plugins, unmodified, from the package index."""

import pytest

from plugins.file_plugin.installer import FilePluginHost
from qserver.plugins import Failure, FilePluginPin, InstallState, Success
from qserver.results import ResultType
from tests.integration.file_plugin.conftest import HostMaker, wait_for
from tests.integration.file_plugin.tasks import LIMITS, make_task

pytestmark = pytest.mark.timeout(600)  # half a gigabyte is fetched and unpacked

INSTALL_SECONDS = 500.0


@pytest.fixture(scope="module")
def host(make_session_host: HostMaker, tmp_path_factory: pytest.TempPathFactory) -> FilePluginHost:
    host = make_session_host(plugin_folder=tmp_path_factory.mktemp("published"))
    host.sync([FilePluginPin("fake-plugin", "0.0.1"), FilePluginPin("aer-plugin", "0.0.2")])
    return host


def test_aer_plugin_gives_all_result_types_of_a_bell_pair(host: FilePluginHost) -> None:
    wait_for(host, "aer-plugin", InstallState.READY, timeout_seconds=INSTALL_SECONDS)
    wanted = (ResultType.COUNTS, ResultType.QUASI_DIST)

    with host.spawn("aer-plugin") as process:
        [outcome] = process.run("aer-plugin", [make_task("aer-plugin:aer", *wanted)], LIMITS, timeout_seconds=60)

    assert isinstance(outcome, Success), outcome
    assert outcome.result.counts is not None
    assert outcome.result.counts.keys() == {"00", "11"}
    assert sum(outcome.result.counts.values()) == 1000
    assert outcome.result.quasi_dist is not None
    assert outcome.result.quasi_dist.keys() == {"0", "3"}


def test_aer_plugin_gives_one_expectation_value_for_each_observable(host: FilePluginHost) -> None:
    wait_for(host, "aer-plugin", InstallState.READY, timeout_seconds=INSTALL_SECONDS)
    source = b'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nh q[0];\ncx q[0], q[1];\n'
    task = make_task(
        "aer", ResultType.EXPVAL, source=source, obs=[[["ZZ", 1.0]], [["XX", 0.5], ["ZZ", 0.25]], [["ZI", 1.0]]]
    )

    with host.spawn("aer-plugin") as process:
        [outcome] = process.run("aer-plugin", [task], LIMITS, timeout_seconds=60)

    assert isinstance(outcome, Success), outcome
    assert outcome.result.expval == pytest.approx((1.0, 0.75, 0.0), abs=1e-9)


def test_aer_plugin_s_own_words_say_what_it_can_not_read(host: FilePluginHost) -> None:
    wait_for(host, "aer-plugin", InstallState.READY, timeout_seconds=INSTALL_SECONDS)

    with host.spawn("aer-plugin") as process:
        [outcome] = process.run("aer-plugin", [make_task("aer", source=b"no circuit")], LIMITS, timeout_seconds=60)

    assert isinstance(outcome, Failure)
    assert outcome.message == "ValueError: Your Qasm file has no version descriptor"


def test_fake_plugin_gives_its_fixed_counts(host: FilePluginHost) -> None:
    wait_for(host, "fake-plugin", InstallState.READY, timeout_seconds=INSTALL_SECONDS)

    with host.spawn("fake-plugin") as process:
        [outcome] = process.run("fake-plugin", [make_task("fake7")], LIMITS, timeout_seconds=60)

    assert isinstance(outcome, Success), outcome
    assert outcome.result.counts == {"00": 500, "11": 500}
