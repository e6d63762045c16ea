#!/usr/bin/env bash
# Have `docker compose config` read every combination of compose files. Says so where docker isn't installed.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! docker compose version >/dev/null 2>&1; then
    echo "compose files left unread: docker compose is not installed"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ENV_FILE=$folder/env WORKER_ENDPOINT=on scripts/make-env.sh >/dev/null
cat >>"$folder/env" <<'VALUES'
BOX=box.lan
WORKER_CERTIFICATES=/etc/qserver-worker
DOMAIN=box.example.org
VALUES
sed -i '/^COMPOSE_FILE=/d' "$folder/env"

# check [option of docker compose...]
check() {
    echo "docker compose $* config --quiet"
    # None of the developer's own settings, and no file beside the one above.
    env -i PATH="$PATH" HOME="$HOME" docker compose --env-file "$folder/env" "$@" config --quiet
}

base=(-f compose.yml)
for development in "" dev-compose.yml; do
    for gpu in "" compose.gpu.yml; do
        for endpoint in "" compose.worker-endpoint.yml; do
            files=("${base[@]}")
            for file in $gpu $endpoint $development; do
                files+=(-f "$file")
            done
            check "${files[@]}"
            check "${files[@]}" --profile observability --profile gpus-4
        done
    done
done
check -f compose.worker.yml
check -f compose.worker.yml -f compose.worker.gpu.yml
# A missing secret stops compose with a sentence.
if answer=$(env -i PATH="$PATH" HOME="$HOME" docker compose --env-file /dev/null -f compose.yml config --quiet 2>&1); then
    echo "compose.yml is accepted without secrets" >&2
    exit 1
fi
grep -q "make env" <<<"$answer" || { echo "compose says of missing secrets: $answer" >&2; exit 1; }
