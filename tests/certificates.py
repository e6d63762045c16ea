"""Certificates for tests, made by the command that operators use; and wrong ones, which it would not make."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def put(source: Path | str, target: Path | str) -> None:
    """Copy a file as those who renew do: a new one takes the old one's place.

    nginx takes a file for the one it has read where neither its inode nor the second of its last change differ.
    """
    new = Path(f"{target}.copied")
    new.write_bytes(Path(source).read_bytes())
    new.replace(target)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two files in PEM form."""

    certificate: Path
    key: Path

    def copy_to(self, certificate: Path, key: Path) -> None:
        """Put both where a server looks for them."""
        put(self.key, key)
        put(self.certificate, certificate)


class Authority:
    """A private authority in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Make it when it is first needed."""
        self._folder = folder

    @property
    def certificate(self) -> Path:
        """What clients trust."""
        return self._folder / "proxy" / "ca.crt"

    @property
    def proxy_folder(self) -> Path:
        """What the proxy mounts."""
        return self._folder / "proxy"

    def run(self, *arguments: str, days: int = 90) -> subprocess.CompletedProcess[str]:
        """Run the command."""
        return subprocess.run(
            [str(REPOSITORY / "certs" / "private-ca.sh"), *arguments],
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "QSERVER_PRIVATE_CA_FOLDER": str(self._folder),
                "QSERVER_CERTIFICATE_DAYS": str(days),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def server(self, *names: str, days: int = 90) -> Certificate:
        """Make the proxy's certificate."""
        self._succeed("server", *names, days=days)
        return Certificate(self.proxy_folder / "server.crt", self.proxy_folder / "server.key")

    def worker_endpoint(self) -> Certificate:
        """Make the certificate of the endpoint for workers."""
        self._succeed("worker-endpoint")
        return Certificate(self.proxy_folder / "worker-endpoint.crt", self.proxy_folder / "worker-endpoint.key")

    def client(self, name: str) -> Certificate:
        """Make a worker's certificate."""
        self._succeed("client", name)
        folder = self._folder / "clients" / name
        return Certificate(folder / "client.crt", folder / "client.key")

    def client_authority(self, name: str) -> Path:
        """Give what a worker trusts."""
        return self._folder / "clients" / name / "ca.crt"

    def revoke(self, name: str) -> None:
        """Turn a worker's certificates away."""
        self._succeed("revoke", name)

    def expired(self, name: str, purpose: str) -> Certificate:
        """Make a certificate that was valid for `serverAuth` or `clientAuth` in January 2020."""
        authority = self._folder / "authority"
        made = Certificate(self._folder / f"{name}-expired.crt", self._folder / f"{name}-expired.key")
        request, extensions = self._folder / "request", self._folder / "extensions"
        extensions.write_text(f"extendedKeyUsage = {purpose}\nsubjectAltName = DNS:{name}\n")
        configuration = ["-config", str(authority / "openssl.cnf")]
        _openssl(
            *("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *configuration),
            *("-subj", f"/CN={name}", "-keyout", str(made.key), "-out", str(request)),
        )
        _openssl(
            *("ca", *configuration, "-batch", "-notext", "-extfile", str(extensions), "-in", str(request)),
            *("-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-out", str(made.certificate)),
        )
        return made

    def _succeed(self, *arguments: str, days: int = 90) -> None:
        done = self.run(*arguments, days=days)
        if done.returncode:
            raise RuntimeError(f"private-ca.sh {arguments}: {done.stderr}")


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments}: {done.stderr}")
