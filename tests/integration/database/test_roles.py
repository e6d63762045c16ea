"""The roles of the deployed form: who owns tables, who works on rows, who only runs jobs."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from database import Database
from database.faults import translated_errors
from database.roles import check_roles
from qserver.errors import QServerError, SettingsError
from qserver.settings import DatabaseSettings, RoleSettings
from tests.unit.database.builders import a_finished_job, read

# Every character that a URL, SQL or a shell could trip over.
PASSWORD = "p@ss/w:rd%20'\"$\\ #?&=ü-" + "0123456789"
ROLES = RoleSettings(
    service_role='qserver_service\'s "own"',
    service_role_password=SecretStr(PASSWORD),
    worker_role="qserver_worker",
    worker_role_password=SecretStr(PASSWORD[::-1]),
)


def open_as(url: str, user: str, password: str) -> Database:
    return Database.open(
        DatabaseSettings(
            database_url=SecretStr(url), database_user=user, database_password=SecretStr(password), database_pool_size=2
        )
    )


@pytest.fixture
def owner(postgres_database_url: str) -> Iterator[Database]:
    database = Database.open(DatabaseSettings(database_url=SecretStr(postgres_database_url)))
    database.upgrade()
    database.grant_roles(ROLES)
    yield database
    with database._engine.begin() as connection:
        for role in (ROLES.service_role, ROLES.worker_role):
            name = '"' + role.replace('"', '""') + '"'
            connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP ROLE {name}")
    database.close()


@pytest.fixture
def service(owner: Database, postgres_database_url: str) -> Iterator[Database]:
    del owner
    database = open_as(postgres_database_url, ROLES.service_role, PASSWORD)
    yield database
    database.close()


@pytest.fixture
def worker(owner: Database, postgres_database_url: str) -> Iterator[Database]:
    del owner
    database = open_as(postgres_database_url, ROLES.worker_role, PASSWORD[::-1])
    yield database
    database.close()


def refusal(database: Database, statement: str) -> str:
    with pytest.raises(QServerError) as refused, translated_errors(), database._engine.begin() as connection:
        connection.execute(text(statement))
    return str(refused.value)


def test_services_do_all_their_work_in_the_lesser_role(service: Database) -> None:
    job_id = a_finished_job(service)

    assert read(service, job_id).id == job_id


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE jobs ADD COLUMN more text",
        "DROP TABLE results",
        "CREATE TABLE own (id int)",
        "TRUNCATE jobs",
        "UPDATE alembic_version SET version_num = 'x'",
        "CREATE ROLE another",
    ],
)
def test_services_can_t_change_tables_or_roles(service: Database, statement: str) -> None:
    assert "denied" in refusal(service, statement) or "must be owner" in refusal(service, statement)


@pytest.mark.parametrize("table", ["users", "api_keys", "submissions", "dispatch_turns"])
def test_a_worker_elsewhere_sees_no_users_keys_or_requests(worker: Database, table: str) -> None:
    assert f"permission denied for table {table}" in refusal(worker, f"SELECT * FROM {table}")  # noqa: S608


def test_a_worker_elsewhere_sees_no_addresses_of_clients(worker: Database) -> None:
    assert "permission denied" in refusal(worker, "SELECT address FROM job_events")


def test_a_worker_elsewhere_adds_and_removes_no_job(worker: Database) -> None:
    assert "permission denied" in refusal(worker, "DELETE FROM jobs")
    assert "permission denied" in refusal(worker, "INSERT INTO jobs DEFAULT VALUES")


def test_preparing_again_changes_a_password_and_keeps_what_is_there(owner: Database, service: Database) -> None:
    job_id = a_finished_job(service)
    url = owner._engine.url.render_as_string(hide_password=False)
    another = "another-password-0123456789"

    owner.grant_roles(ROLES.model_copy(update={"service_role_password": SecretStr(another)}))

    changed = open_as(url, ROLES.service_role, another)
    assert read(changed, job_id).id == job_id
    changed.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"service_role_password": SecretStr("short")}, "QSERVER_SERVICE_ROLE_PASSWORD has 5 characters"),
        ({"service_role": "root"}, "another name"),
        ({"worker_role": ROLES.service_role}, "the same name"),
    ],
)
def test_weak_or_confused_roles_are_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        check_roles(ROLES.model_copy(update=change), owner="root")


def test_the_command_says_what_it_has_made(postgres_database_url: str) -> None:
    url = make_url(postgres_database_url)
    environment = {
        "QSERVER_DATABASE_URL": url.set(username=None).render_as_string(hide_password=False),
        "QSERVER_DATABASE_USER": url.username or "",
        "PATH": "/usr/bin:/bin",
    }

    answer = subprocess.run(
        [sys.executable, "-m", "database", "prepare"], env=environment, capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "the tables are at the newest version; roles: none"
