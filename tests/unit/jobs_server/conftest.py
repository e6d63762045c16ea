"""A database of each test's own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from plugins.registry import PRELOADED_MODULES
from qserver.sandbox.forkserver import Forkserver
from qserver.settings import DatabaseSettings
from tests.unit.jobs_server.builders import CountingDatabase, register_aer, register_file_plugin
from tests.unit.jobs_server.dispatching import Dispatching
from tests.unit.jobs_server.run_jobs import Jobs
from tests.unit.jobs_server.served import Served


def _open(path: Path) -> CountingDatabase:
    return CountingDatabase.open(DatabaseSettings(database_url=SecretStr(f"sqlite:///{path}")))


@pytest.fixture(scope="session")
def database_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SQLite with all tables, the user anonymous, and two plugins: made once, as migrating takes its time."""
    path = tmp_path_factory.mktemp("template") / "qserver.db"
    made = _open(path)
    made.upgrade()
    with made.transaction() as transaction:
        register_aer(transaction)
        register_file_plugin(transaction)
    made.close()
    return path


@pytest.fixture
def database(database_template: Path, tmp_path: Path) -> Iterator[CountingDatabase]:
    """A copy of the template, of the test's own."""
    opened = _open(Path(shutil.copy(database_template, tmp_path)))
    yield opened
    opened.close()


@pytest.fixture
async def served(database: CountingDatabase) -> AsyncIterator[Served]:
    """A jobs server on a free port, with a channel to it."""
    scene = Served(database)
    await scene.start()
    yield scene
    await scene.stop()


@pytest.fixture(scope="session")
def forkserver() -> Iterator[Forkserver]:
    """Where real inspectors come from."""
    with Forkserver(preload=PRELOADED_MODULES) as started:
        started.start()
        yield started


@pytest.fixture
async def real(database: CountingDatabase, forkserver: Forkserver) -> AsyncIterator[Served]:
    """A jobs server whose inspectors are real processes."""
    scene = Served(database, forkserver=forkserver)
    await scene.start()
    yield scene
    await scene.stop()


@pytest.fixture
def dispatching(database: CountingDatabase) -> Dispatching:
    """A dispatcher and what it works on."""
    return Dispatching(database)


@pytest.fixture
def jobs(served: Served) -> Jobs:
    """The jobs of the server under test."""
    return Jobs(served)
