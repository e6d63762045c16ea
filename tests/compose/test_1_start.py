"""What stands after `docker compose up -d`."""

import httpx

from tests.compose.stack import Stack, look


def test_a_cold_start_needs_no_second_try(stack: Stack) -> None:
    containers = stack.containers()

    assert {name: look(each, "RestartCount") for name, each in containers.items() if look(each, "RestartCount")} == {}
    assert look(containers["migrate-1"], "State", "ExitCode") == 0


def test_only_the_proxy_has_ports_on_the_box(stack: Stack) -> None:
    published = {
        name: sorted(
            str(binding["HostPort"])
            for bindings in (look(each, "HostConfig", "PortBindings") or {}).values()  # type: ignore[attr-defined]
            for binding in bindings or []
        )
        for name, each in stack.containers().items()
    }

    assert {name: ports for name, ports in published.items() if ports} == {
        "proxy-1": sorted([str(stack.http_port), str(stack.https_port)])
    }


def test_the_proxy_s_own_address_serves_the_ports_that_people_type(stack: Stack) -> None:
    # As lines in /etc/hosts written for the original service lead there, past the published ports.
    address = stack.setting("PROXY_ADDRESS")

    for url in (f"https://{address}/api/v1/health", f"http://{address}:8080/api/v1/health"):
        assert httpx.get(url, verify=False).json() == {"status": "ok"}, url  # noqa: S501 - its name isn't in there


def test_every_container_is_hardened_and_limited(stack: Stack) -> None:
    for name, each in stack.containers().items():
        assert look(each, "Config", "User") not in {"", "0", "root"}, name
        assert look(each, "HostConfig", "ReadonlyRootfs") is True, name
        assert look(each, "HostConfig", "CapDrop") == ["ALL"], name
        assert look(each, "HostConfig", "Privileged") is False, name
        assert "no-new-privileges:true" in str(look(each, "HostConfig", "SecurityOpt")), name
        assert int(str(look(each, "HostConfig", "Memory"))) > 0, name
        assert int(str(look(each, "HostConfig", "PidsLimit"))) > 0, name
        assert look(each, "HostConfig", "LogConfig", "Config") == {"max-size": "10m", "max-file": "5"}, name


def test_processes_are_nobody_in_particular_and_can_t_write_to_their_images(stack: Stack) -> None:
    for service in ("jobs-server", "rest-api", "worker", "janitor", "proxy", "postgres", "rabbitmq"):
        answer = stack.compose("exec", "-T", service, "sh", "-c", "id -u; touch /here 2>&1; true")
        user, refusal = answer.strip().split("\n", maxsplit=1)

        assert int(user) > 0, service
        assert "Read-only file system" in refusal or "Permission denied" in refusal, service


def test_no_environment_of_a_service_holds_a_password(stack: Stack) -> None:
    owner, lesser, broker = (stack.setting(name) for name in ("DB_ROOT_PASSWORD", "DB_PASSWORD", "RABBITMQ_PASSWORD"))
    containers = stack.containers()

    def knowing(password: str) -> set[str]:
        return {name for name, each in containers.items() if password in str(look(each, "Config", "Env"))}

    assert (knowing(owner), knowing(lesser), knowing(broker)) == (set(), set(), {"rabbitmq-1"})


def test_nothing_of_the_secrets_is_where_it_isn_t_needed(stack: Stack) -> None:
    containers = stack.containers()

    def given(secret: str) -> set[str]:
        return {name for name, each in containers.items() if f"/run/secrets/{secret}'" in str(look(each, "Mounts"))}

    assert given("database_owner_password") == {"migrate-1", "postgres-1"}
    assert "proxy-1" not in given("database_password") | given("broker_password")


def test_images_say_what_they_are(stack: Stack) -> None:
    labels = look(stack.containers()["worker-1"], "Config", "Labels")

    assert "org.opencontainers.image.version" in str(labels)
    assert "org.opencontainers.image.title" in str(labels)


def test_workers_divide_the_box(stack: Stack) -> None:
    with stack.http() as http:
        workers = http.get("/api/v1/workers").json()

    containers = stack.containers()
    limit = int(str(look(containers["worker-1"], "HostConfig", "Memory")))
    assert len(workers) == 2
    assert all(0 < worker["memory_bytes"] <= limit for worker in workers)


def test_each_replica_writes_a_log_of_its_own(stack: Stack) -> None:
    files = stack.compose("exec", "-T", "janitor", "ls", "/var/log/qserver").split()

    assert {"jobs_server.log", "rest_api.log", "janitor.log", "worker.log", "worker-2.log"} <= set(files)
