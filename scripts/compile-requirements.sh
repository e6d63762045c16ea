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

overrides=$(mktemp -d)
trap 'rm -rf "$overrides"' EXIT

# leave_out FILE PACKAGE...: whatever asks for these gets none.
leave_out() {
    local file=$1
    shift
    printf '%s ; sys_platform == "never"\n' "$@" >"$overrides/$file"
}

# Of qsimcirq the compiled modules alone are loaded, and they need none of what it asks for but NumPy. So the locks are
# installed with --no-deps.
leave_out qsim cirq-core absl-py contourpy pybind11
leave_out qsim-contourpy cirq-core absl-py pybind11 # Matplotlib, which `dev` has for the client, needs contourpy
leave_out qsim-setuptools setuptools # what `dev` has for others
# PennyLane's own simulators in C++: 180 MB that nobody asks for who runs on a server.
leave_out pennylane pennylane-lightning scipy-openblas32
# The GPU's build is the same module: both installed would break either without a word.
leave_out gpu qiskit-aer

for group in jobs-server rest-api janitor oldest-qiskit; do
    compile "$group"
done
compile dev --override "$overrides/qsim-contourpy"
for group in worker-simulator standalone; do
    compile "$group" --override "$overrides/qsim" --override "$overrides/qsim-setuptools"
done
compile worker-simulator-gpu --override "$overrides/qsim" --override "$overrides/qsim-setuptools" --override "$overrides/gpu"
# Installed on top of `dev`, so what both need has the same version.
compile bench --constraint requirements/dev.txt
compile audit --constraint requirements/dev.txt
compile docs --constraint requirements/dev.txt
compile pennylane-qiskit --override "$overrides/pennylane"
