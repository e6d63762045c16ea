"""What restore takes for a backup, before it asks Docker for anything."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "restore.sh"
WEAK = b"DB_ROOT_USER=owner\nDB_USERNAME=qserver\nRABBITMQ_USER=qserver\nDB_ROOT_PASSWORD=short\n"


def archive(file: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w") as written:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            written.addfile(entry, io.BytesIO(content))
    return file


def restore(backup: Path, env_file: Path) -> str:
    """Restore with no Docker on the path; gives what was complained of."""
    done = subprocess.run(
        [SCRIPT, str(backup)],
        env={"PATH": os.defpath, "ENV_FILE": str(env_file)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    return done.stderr


def test_what_holds_no_dump_is_refused(tmp_path: Path) -> None:
    told = restore(archive(tmp_path / "other.tar", {"env": WEAK}), tmp_path / "env")

    assert "is no backup of QServer" in told
    assert not (tmp_path / "env").exists()


def test_a_backup_of_any_size_is_known_as_one(tmp_path: Path) -> None:
    many = {f"more{number}": b"" for number in range(5000)}  # more names than a pipe that nobody reads would take
    backup = archive(tmp_path / "backup.tar", {"database.dump": b"PGDMP", "env": WEAK} | many)

    told = restore(backup, tmp_path / "env")

    assert "DB_ROOT_PASSWORD" in told  # the next thing that is looked at
