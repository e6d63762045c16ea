#!/usr/bin/env bash
# Make the virtual environment .venv with the Python given as first argument, which must be 3.11 to 3.13.
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:-python3}

if ! command -v "$wanted" >/dev/null; then
    echo "$wanted is not installed. QServer needs Python 3.11 to 3.13; name one with PYTHON=, e.g. make demo PYTHON=python3.12" >&2
    exit 1
fi
if ! "$wanted" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; then
    echo "$wanted is $("$wanted" --version 2>&1). QServer needs Python 3.11 to 3.13; name one with PYTHON=, e.g. make demo PYTHON=python3.12" >&2
    exit 1
fi
if ! "$wanted" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$wanted" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
    echo "$wanted can't make virtual environments. On Debian and Ubuntu: apt-get install $package" >&2
    exit 1
fi
"$wanted" -m venv --clear .venv
