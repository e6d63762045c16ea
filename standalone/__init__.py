"""All services in one process: SQLite instead of Postgres, a queue in memory instead of RabbitMQ."""
