#!/bin/sh
# Run one service by itself from this folder: scripts/run-service.sh worker. Without QSERVER_DATABASE_URL in the
# environment it works with the Postgres and RabbitMQ of `make dev-servers`, whose passwords stand in .env.
set -eu
cd "$(dirname -- "$0")/.."

value_of() {
    scripts/make-env.sh --value "$1"
}

if [ -z "${QSERVER_DATABASE_URL:-}" ] && [ -f .env ]; then
    postgres_port=$(value_of POSTGRES_PORT)
    rabbitmq_port=$(value_of RABBITMQ_PORT)
    export QSERVER_DATABASE_URL="postgresql+psycopg://127.0.0.1:${postgres_port:-5432}/qserver"
    QSERVER_DATABASE_USER=$(value_of DB_USERNAME)
    QSERVER_DATABASE_PASSWORD=$(value_of DB_PASSWORD)
    export QSERVER_BROKER_URL="amqp://127.0.0.1:${rabbitmq_port:-5672}/%2F"
    QSERVER_BROKER_USER=$(value_of RABBITMQ_USER)
    QSERVER_BROKER_PASSWORD=$(value_of RABBITMQ_PASSWORD)
    export QSERVER_DATABASE_USER QSERVER_DATABASE_PASSWORD QSERVER_BROKER_USER QSERVER_BROKER_PASSWORD
    export QSERVER_LOG_FORMAT="${QSERVER_LOG_FORMAT:-console}"
fi
exec .venv/bin/python -m "$1"
