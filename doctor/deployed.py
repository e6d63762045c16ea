"""The deployed form: docker compose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from doctor.box import look_at_disk, look_at_division, look_at_ports, look_at_room, look_at_subnets
from doctor.docker import Compose, Container, docker, other_networks
from doctor.env_file import look_at_env, read_env
from doctor.findings import Finding, Look
from doctor.service import look_at_certificate, look_at_readiness, look_at_workers

_START = "docker compose up -d"
_ENDPOINT = "broker-accounts"
"""The service that is there where workers on other machines may come in."""
_ONE_SHOT = frozenset({"migrate", _ENDPOINT})
_SUBNETS = {"SUBNET": "172.18.0.0/27", "BACK_SUBNET": "172.18.1.0/24", "EGRESS_SUBNET": "172.18.2.0/24"}
_MORE_ROOM = "docker system prune; a smaller TIME_TO_DELETE in .env; or a larger disk: docs/howto/stuck-jobs.md"
_STUCK = (
    "SELECT count(*), coalesce(floor(extract(epoch FROM now() - min(submitted_at)) / 60), 0) FROM jobs "
    "WHERE status = 'pending' AND submitted_at < now() - interval '10 minutes'"
)


def look_at_deployment(folder: Path, env_file: Path) -> Iterator[Look]:
    """Look at everything, in the order in which one thing needs another; ends where the rest would be noise."""
    yield look_at_env(env_file)
    compose = Compose(folder, env_file.resolve())
    engine = docker("info", "--format", "{{.DockerRootDir}}")
    if engine.returncode != 0:
        said = engine.stderr.strip().splitlines()[-1] if engine.stderr.strip() else "it gives no reason"
        remedy = "install Docker, start it (systemctl start docker), or become a member of the group docker"
        yield Look("docker", "", (Finding(f"Docker doesn't answer: {said}", remedy),))
        return
    yield look_at_disk(
        Path(engine.stdout.strip()),
        what="Docker's volumes",
        remedy=_MORE_ROOM,
    )
    configuration = compose.run("config", "--services")
    if configuration.returncode != 0:
        yield Look("compose files", "", (Finding(f"compose refuses them: {configuration.stderr.strip()}", "make env"),))
        return
    yield from _look_inside(compose, read_env(env_file), configuration.stdout.split())


def _look_inside(compose: Compose, values: Mapping[str, str], services: Sequence[str]) -> Iterator[Look]:
    containers = compose.containers()
    wanted = ports_wanted(values, services)
    http_port, https_port = wanted["HTTP_PORT"], wanted["HTTPS_PORT"]
    yield look_at_division(values)
    yield _look_at_networks(compose, values)
    yield look_at_ports(wanted, published_ports(containers))
    yield look_at_containers(containers, services, compose)
    if any(each.service == "proxy" and each.state == "running" for each in containers):
        yield look_at_readiness(http_port, remedy="docker compose ps, and docker compose logs of what isn't healthy")
        yield look_at_workers(
            https_port,
            key=values.get("QSERVER_ADMIN_KEY", ""),
            is_tls=True,
            remedy=f"{_START} worker; docker compose logs worker",
        )
        yield look_at_certificate(https_port)
    if any(each.service == "rabbitmq" and each.state == "running" for each in containers):
        yield _look_at_broker(compose)
    if any(each.service == "postgres" and each.state == "running" for each in containers):
        yield look_at_database_disk(compose)
        yield look_at_jobs(compose)


def ports_wanted(values: Mapping[str, str], services: Sequence[str]) -> Mapping[str, int]:
    """Give the ports that these services publish, by the variable that says which."""
    wanted = {"HTTP_PORT": _port(values, "HTTP_PORT", 8080), "HTTPS_PORT": _port(values, "HTTPS_PORT", 443)}
    if _ENDPOINT in services:
        wanted["WORKER_PORT"] = _port(values, "WORKER_PORT", 5443)
    if "grafana" in services:
        wanted["GRAFANA_PORT"] = _port(values, "GRAFANA_PORT", 3000)
    return wanted


def published_ports(containers: Sequence[Container]) -> Sequence[int]:
    """List the ports that containers hold: one that couldn't start names ports that somebody else may have."""
    return [port for each in containers if each.state == "running" for port in each.ports]


def _port(values: Mapping[str, str], variable: str, default: int) -> int:
    """Give the port of a variable that may name an address too, such as 127.0.0.1:8080."""
    port = values.get(variable, "").rpartition(":")[2]
    return int(port) if port.isdecimal() else default


def _look_at_networks(compose: Compose, values: Mapping[str, str]) -> Look:
    wanted = {name: values.get(name) or default for name, default in _SUBNETS.items()}
    return look_at_subnets(wanted, other_networks(compose.project()))


def look_at_containers(containers: Sequence[Container], services: Sequence[str], compose: Compose) -> Look:
    """Look for services that don't run, or not well."""
    if not containers:
        return Look("containers", "", (Finding("nothing was started", _START),))
    findings: list[Finding] = []
    for service in services:
        own = [each for each in containers if each.service == service]
        if not own:
            findings.append(Finding(f"{service} was never started", _START))
        findings += [finding for each in own for finding in _faults_of(each, compose)]
    running = sum(each.state == "running" for each in containers)
    return Look("containers", f"{running} running", tuple(findings))


def _faults_of(container: Container, compose: Compose) -> Iterator[Finding]:
    remedy = f"docker compose logs {container.service}; then {_START}"
    if container.service in _ONE_SHOT:
        if container.state == "exited" and container.exit_code != 0:
            yield Finding(
                f"{container.service} failed: {compose.last_words(container.service)}", f"mend that, then {_START}"
            )
    elif container.state != "running":
        yield Finding(
            f"{container.name} is {container.state} (status {container.exit_code}): "
            f"{compose.last_words(container.service)}",
            remedy,
        )
    elif container.health == "unhealthy":
        yield Finding(f"{container.name} is not healthy: {compose.last_words(container.service)}", remedy)
    if container.was_short_of_memory:
        variable = container.service.upper().replace("-", "_") + "_MEMORY"
        yield Finding(f"{container.name} ran out of memory", f"a larger {variable} in .env, then {_START}")
    if container.restarts:
        yield Finding(f"{container.name} was started anew {container.restarts} times", remedy, is_warning=True)


def _look_at_broker(compose: Compose) -> Look:
    alarms = compose.run("exec", "-T", "rabbitmq", "rabbitmq-diagnostics", "--quiet", "check_local_alarms")
    if alarms.returncode == 0:
        return Look("broker", "no alarms")
    said = (alarms.stdout + alarms.stderr).strip().splitlines()
    remedy = (
        "free disk; or a larger vm_memory_high_watermark in deploy/rabbitmq/90-qserver.conf, with RABBITMQ_MEMORY in "
        ".env above it, then docker compose up -d --force-recreate rabbitmq. Jobs wait meanwhile, none is lost"
    )
    return Look(
        "broker", "", (Finding(f"RabbitMQ takes no messages: {said[-1] if said else 'no reason given'}", remedy),)
    )


def look_at_database_disk(compose: Compose) -> Look:
    """Look for room where Postgres writes, which may be a disk of its own."""
    answer = compose.run("exec", "-T", "postgres", "sh", "-c", 'df -Pk "$PGDATA"')
    figures = answer.stdout.strip().splitlines()[-1:]
    try:
        total_kib, _, free_kib = (int(figure) for figure in figures[0].split()[1:4])
    except (IndexError, ValueError):
        return Look("disk", "", (Finding("Postgres doesn't say how much room it has", "docker compose logs postgres"),))
    return look_at_room(free_kib * 1024, total_kib * 1024, what="Postgres (PGDATA)", remedy=_MORE_ROOM)


def look_at_jobs(compose: Compose) -> Look:
    """Look for jobs that have waited for long."""
    command = f'exec psql --username "$POSTGRES_USER" --dbname qserver --tuples-only --no-align --command "{_STUCK}"'
    answer = compose.run("exec", "-T", "postgres", "sh", "-c", command)
    if answer.returncode != 0 or "|" not in answer.stdout:
        said = answer.stderr.strip().splitlines()
        return Look(
            "jobs", "", (Finding(f"jobs can't be counted: {said[0] if said else 'no answer'}", f"{_START} migrate"),)
        )
    count, minutes = answer.stdout.strip().split("|")
    if count == "0":
        return Look("jobs", "none has waited for more than 10 minutes")
    jobs = "1 job has" if count == "1" else f"{count} jobs have"
    fault = f"{jobs} waited for more than 10 minutes, the oldest for {minutes} minutes"
    return Look(
        "jobs", "", (Finding(fault, "docs/howto/stuck-jobs.md; more workers: docs/howto/scale.md", is_warning=True),)
    )
