#!/usr/bin/env bash
# Bring a backup back into an empty installation: same folder or a fresh clone, on this or another machine.
# Jobs that ran or waited when it was made run again.
#
#   scripts/restore.sh FILE
set -euo pipefail
umask 077
cd "$(dirname "$0")/.."

env_file=${ENV_FILE:-.env}

compose() {
    docker compose --env-file "$env_file" "$@"
}

fail() {
    echo "restore: $1" >&2
    exit 1
}

[ $# -eq 1 ] || fail "name the file: scripts/restore.sh backups/qserver-....tar"
file=$1
[ -f "$file" ] || fail "there is no file $file"
tar -tf "$file" database.dump >/dev/null 2>&1 || fail "$file is no backup of QServer"

if [ ! -f "$env_file" ]; then
    tar -xOf "$file" env >"$env_file"
    echo "restore: took $env_file from the backup"
fi
scripts/make-env.sh --secrets
scripts/make-env.sh --check

others=$(compose ps --services --status running | grep -vx -e postgres -e rabbitmq || true)
[ -z "$others" ] || fail "stop the services first, so that none writes meanwhile: docker compose down"
compose up --detach --wait postgres
in_postgres() {
    compose exec -T postgres sh -c "$1"
}
tables=$(in_postgres 'psql --username "$POSTGRES_USER" --dbname qserver --tuples-only --no-align --command "
    SELECT count(*) FROM pg_tables WHERE schemaname = '"'public'"'"')
[ "$tables" = 0 ] ||
    fail "the database has $tables tables already; restore goes into an empty one. To throw away what is there: docker compose down --volumes"

tar -xOf "$file" database.dump | in_postgres 'exec pg_restore --username "$POSTGRES_USER" --dbname qserver \
    --no-owner --no-privileges --single-transaction --exit-on-error' ||
    fail "pg_restore failed and has left nothing behind; the lines above say why"
# Workers of then are gone; their leases run out by themselves, this only makes it quicker to see.
in_postgres 'psql --quiet --username "$POSTGRES_USER" --dbname qserver --command "DELETE FROM workers"'
echo "restore: done. Now: docker compose up -d"
