"""What `make` hands on to the scripts of a deployment."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_file_s_name_may_hold_spaces_and_quotes(tmp_path: Path) -> None:
    file = tmp_path / "it's mine, of today.tar"

    done = subprocess.run(
        ["make", "--no-print-directory", "restore", f"FILE={file}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert f"restore: there is no file {file}" in done.stderr
