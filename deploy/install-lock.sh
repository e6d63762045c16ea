#!/bin/sh
# In an image's build: install a hashed lock into /opt/qserver, wheels only, and compile it. Bytecode is tied to the
# source's hash and not to its time, so that two builds give the same files.
set -eu
pip --python=/opt/qserver/bin/python install --no-input --disable-pip-version-check --root-user-action=ignore \
    --require-hashes --no-deps --only-binary=:all: --no-compile -r "$1"
python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/qserver/lib
