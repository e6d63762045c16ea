#!/usr/bin/env bash
# Install what the tests start for themselves: PostgreSQL, RabbitMQ, openssl for certificates, and curl and jq, which our
# pages use. On Debian and Ubuntu as root or with sudo; elsewhere it says what to install. Does nothing where all is there, or named in the environment
# (CONTRIBUTING.md). No service is started by the installation.
set -euo pipefail

missing=()
[ -n "${QSERVER_TEST_POSTGRES_BIN:-}" ] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null \
    || command -v initdb >/dev/null || missing+=(postgresql)
[ -n "${QSERVER_TEST_RABBITMQ_SERVER:-}" ] || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] \
    || [ -x /opt/rabbitmq/sbin/rabbitmq-server ] || [ -x /usr/local/sbin/rabbitmq-server ] || missing+=(rabbitmq-server)
for program in openssl curl jq; do
    command -v "$program" >/dev/null || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "The tests need PostgreSQL (15 or newer) and RabbitMQ (3.10 or newer) installed, not running, and openssl, curl and jq. Missing: ${missing[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "The tests need these Debian packages: ${missing[*]}. Install them as root, or give this user sudo." >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing for the tests: ${missing[*]}"

# The packages would start their services; Debian's hook for "not now" is a policy-rc.d that exits with 101.
policy=/usr/sbin/policy-rc.d
saved=
restore() {
    "${as_root[@]}" rm -f "$policy"
    if [ -n "$saved" ]; then "${as_root[@]}" mv "$saved" "$policy"; fi
}
if [ -e "$policy" ]; then
    saved=$policy.before-qserver
    "${as_root[@]}" mv "$policy" "$saved"
fi
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
"${as_root[@]}" chmod 755 "$policy"

# Another installation may be under way, a machine's own at its start say: wait for its end.
wait_for_others=(-o DPkg::Lock::Timeout=300)
install_missing() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get "${wait_for_others[@]}" install --yes --quiet=2 --no-install-recommends "${missing[@]}" >"$log" 2>&1
}
log=$(mktemp)
# The package lists of a fresh image are empty or old: fetch them only if the first try shows it.
if ! install_missing; then
    "${as_root[@]}" apt-get "${wait_for_others[@]}" update --quiet=2
    install_missing || { cat "$log" >&2; echo "apt-get could not install ${missing[*]}" >&2; exit 1; }
fi
rm -f "$log"
