#!/usr/bin/env bash
# Compile the hashed locks from the dependency groups of pyproject.toml. Needs uv; names no package registry.
# Versions already locked stay; UPGRADE=1 takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."

# compile GROUP [option of uv...]
compile() {
    local group=$1
    shift
    # Extras are kept in the locks: older pips (23.2) look for the newest `coverage[toml]`, find it unpinned, and stop.
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-sources \
        --no-emit-index-url --no-header --no-annotate ${UPGRADE:+--upgrade} "$@" \
        --group "pyproject.toml:$group" -o "requirements/$group.txt"
}

for group in jobs-server rest-api janitor worker-simulator standalone dev; do
    compile "$group"
done
# The GPU's build is the same module: both installed would break either without a word. So whatever asks for the other
# one gets none.
overrides=$(mktemp)
trap 'rm -f "$overrides"' EXIT
echo 'qiskit-aer ; sys_platform == "never"' >"$overrides"
compile worker-simulator-gpu --override "$overrides"
