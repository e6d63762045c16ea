"""Jobs that are watched at a terminal, and whoever watches them goes away."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

from tests.integration.client.fake_service import FakeJobService
from tests.integration.client.relay import Relay
from tests.servers.standalone import REPOSITORY
from tests.waiting import wait_until

SECONDS = 20


def test_ctrl_c_ends_the_watching_and_waits_for_no_job(service: FakeJobService, relay: Relay, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{relay.port}"
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "QSERVER_URL": address, "QSERVER_GRPC_URL": address}
    terminal, far_end = pty.openpty()
    command = [sys.executable, "-m", "qserver.cli", "submit", "examples/bell.qasm", "--watch"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL, stderr=far_end
    ) as process:
        os.close(far_end)
        try:
            wait_until(lambda: service.watched_after == [0] and len(service.asked) == 1)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=SECONDS) == 130
        finally:
            process.kill()
            os.close(terminal)
            service.finish("job-0")  # so that the server need not wait for whoever looks for it

    assert service.canceled == []
