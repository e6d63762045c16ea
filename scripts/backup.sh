#!/usr/bin/env bash
# Save what can't be made again, while everything runs: the database as of one moment, and .env with its passwords.
# RabbitMQ's messages are hints, made anew; file plugins are installed anew. Certificates of your own: keep certs/private.
#
#   scripts/backup.sh [FILE]     default: backups/qserver-<time>.tar, readable by you alone
set -euo pipefail
umask 077
cd "$(dirname "$0")/.."

env_file=${ENV_FILE:-.env}

compose() {
    docker compose --env-file "$env_file" "$@"
}

fail() {
    echo "backup: $1" >&2
    exit 1
}

file=${1:-backups/qserver-$(date -u +%Y%m%dT%H%M%SZ).tar}
[ ! -e "$file" ] || fail "$file is there already; name another"
[ -f "$env_file" ] || fail "there is no $env_file here: is this the folder that QServer is deployed from?"
[ -n "$(compose ps --quiet --status running postgres)" ] ||
    fail "postgres is not running: docker compose up -d postgres"

mkdir -p "$(dirname "$file")"
folder=$(mktemp -d "$file.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# In the container as the owner; --no-owner lets it be restored under another name.
compose exec -T postgres sh -c \
    'exec pg_dump --username "$POSTGRES_USER" --dbname qserver --format custom --no-owner --no-privileges' \
    >"$folder/database.dump" || fail "pg_dump failed (is the disk full?); nothing was kept"
cp "$env_file" "$folder/env"
compose exec -T postgres sh -c \
    'psql --username "$POSTGRES_USER" --dbname qserver --tuples-only --no-align --command "SELECT version_num FROM alembic_version"' \
    >"$folder/version"
tar -C "$folder" -cf "$folder/all" database.dump env version || fail "the archive can't be written (is the disk full?)"
# A half-written file never has the name.
mv "$folder/all" "$file"
echo "$file: $(du -h "$file" | cut -f 1), tables of version $(tar -xOf "$file" version)"
