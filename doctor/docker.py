"""Docker's and compose's own words about the installation."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TIMEOUT_SECONDS = 60
# Compose 2.26 begins each line of a log with one, whatever it is told and wherever it writes.
_TERMINAL_SEQUENCE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Container:
    """A container as `docker inspect` tells of it."""

    service: str
    name: str
    state: str
    health: str
    exit_code: int
    restarts: int
    was_short_of_memory: bool
    ports: tuple[int, ...]


@dataclass(frozen=True)
class Compose:
    """`docker compose` with the files of this installation."""

    folder: Path
    env_file: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of compose."""
        return docker("compose", "--env-file", str(self.env_file), *arguments, folder=self.folder)

    def containers(self) -> Sequence[Container]:
        """List all containers, ended ones too."""
        ids = self.run("ps", "--all", "--quiet").stdout.split()
        if not ids:
            return ()
        return [_container(each) for each in json.loads(docker("inspect", *ids).stdout or "[]")]

    def project(self) -> str:
        """Give the name of the project; empty where compose tells none."""
        try:
            return str(json.loads(self.run("config", "--format", "json").stdout)["name"])
        except (ValueError, KeyError):
            return ""

    def last_words(self, service: str) -> str:
        """Give the last line that a service has logged."""
        log = self.run("logs", "--no-color", "--no-log-prefix", "--tail", "3", service).stdout
        lines = _TERMINAL_SEQUENCE.sub("", log).strip().splitlines()
        return lines[-1][-400:] if lines else "it has logged nothing"


def docker(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run docker. A program that is missing or hangs is a failed one."""
    command = ["docker", *arguments]
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_TIMEOUT_SECONDS
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "docker is not installed")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"docker gave no answer in {_TIMEOUT_SECONDS} s")


def other_networks(project: str) -> Mapping[str, str]:
    """Give the addresses of networks that are not of this project, by name."""
    ids = docker("network", "ls", "--quiet").stdout.split()
    networks: list[dict[str, Any]] = json.loads(docker("network", "inspect", *ids).stdout or "[]") if ids else []
    return {
        network["Name"]: configuration["Subnet"]
        for network in networks
        if (network.get("Labels") or {}).get("com.docker.compose.project") != project
        for configuration in (network.get("IPAM", {}).get("Config") or [])
        if "Subnet" in configuration
    }


def _container(inspected: dict[str, Any]) -> Container:
    state = inspected["State"]
    bindings = (inspected["HostConfig"].get("PortBindings") or {}).values()
    return Container(
        service=inspected["Config"]["Labels"].get("com.docker.compose.service", ""),
        name=inspected["Name"].lstrip("/"),
        state=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        exit_code=state["ExitCode"],
        restarts=inspected.get("RestartCount", 0),
        was_short_of_memory=bool(state.get("OOMKilled")),
        ports=tuple(int(each["HostPort"]) for binding in bindings for each in binding or [] if each.get("HostPort")),
    )
