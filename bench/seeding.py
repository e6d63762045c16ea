"""Fill the tables of a private database with jobs that wait or are over, like one that really ran.

So many would take an hour through the front door. The rows of a finished job are the pattern: they are copied, whatever
columns the tables have, with ids, circuits, owners and times of their own.
"""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg.sql import SQL, Identifier

_OWNERS = 50
_GPU_SHARE = 0.05
"""Waiting jobs by the route of a GPU, of which no worker lives."""
_JOBS_A_CIRCUIT = 10
"""Jobs that are over and ran the same circuit."""
_KEPT_DAYS = 25
"""Jobs that are over ended within so many days: less than retention keeps."""

Expressions = Mapping[str, LiteralString]
"""SQL by column; columns that aren't named are copied from the pattern."""

_STAGE: tuple[LiteralString, ...] = (
    # What is copied refers to what is there: nothing to look up row by row.
    "SET session_replication_role = replica",
    "DROP TABLE IF EXISTS owners, seeded_circuits, seeded",
    "CREATE TEMP TABLE owners AS SELECT number, gen_random_uuid() AS id FROM generate_series(1, %(owners)s) AS number",
    # The first owners have most: half of the circuits belong to a quarter of them.
    """
    CREATE TEMP TABLE seeded_circuits AS
    SELECT drawn.number, pg_temp.new_id(clock_timestamp()) AS circuit_id, owners.id AS owner_id, drawn.angle
    FROM (
        SELECT number, 6.283185307 * random() AS angle, 1 + floor(%(owners)s * random() ^ 2)::int AS owner_number
        FROM generate_series(0, (%(jobs)s - 1) / %(jobs_a_circuit)s) AS number
    ) AS drawn
    JOIN owners ON owners.number = drawn.owner_number
    """,
    """
    CREATE TEMP TABLE seeded AS
    SELECT
        nextval(pg_get_serial_sequence('jobs', 'pointer')) AS pointer,
        pg_temp.new_id(now() - interval '1 day' * %(days)s * (%(jobs)s - job.number) / %(jobs)s) AS job_id,
        circuit_id,
        owner_id,
        random() < %(gpu_share)s AS is_for_gpu,
        now() - interval '1 day' * %(days)s * (%(jobs)s - job.number) / %(jobs)s AS at
    FROM generate_series(0, %(jobs)s - 1) AS job (number)
    JOIN seeded_circuits ON seeded_circuits.number = job.number / %(jobs_a_circuit)s
    ORDER BY job.number
    """,
)

_OWNER: Expressions = {"id": "owners.id", "name": "'owner ' || owners.id"}
_CIRCUIT: Expressions = {
    "id": "seeded_circuits.circuit_id",
    "owner_id": "seeded_circuits.owner_id",
    "source": "pg_temp.new_source(pattern.source, seeded_circuits.angle)",
    "sha256": "sha256(pg_temp.new_source(pattern.source, seeded_circuits.angle))",
}
_NEW_SOURCE: LiteralString = r"""
CREATE OR REPLACE FUNCTION pg_temp.new_source(source bytea, angle float) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
SELECT convert_to(regexp_replace(convert_from(source, 'UTF8'), 'rx\([^)]*\)', format('rx(%s)', angle)), 'UTF8')
$$
"""
_NEW_ID: LiteralString = r"""
CREATE OR REPLACE FUNCTION pg_temp.new_id(at timestamptz) RETURNS uuid LANGUAGE sql AS $$
SELECT concat(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0'), '7', substr(random, 1, 3), '8',
              substr(random, 4, 15))::uuid
FROM md5(gen_random_uuid()::text) AS random
$$
"""  # as qserver.ids.new_id makes them
_OF_PATTERN: LiteralString = "pattern.job_id = %(pattern_id)s"
_JOB: Expressions = {"pointer": "seeded.pointer", "id": "seeded.job_id", "owner_id": "seeded.owner_id"}
_PUB: Expressions = {"job_id": "seeded.job_id", "circuit_id": "seeded.circuit_id"}
_WAITING_JOB: Expressions = {
    **_JOB,
    "status": "'pending'",
    "attempt": "0",
    "event_sequence": "1",
    "started_at": "NULL",
    "finished_at": "NULL",
    "submitted_at": "now()",
    "route": "CASE WHEN seeded.is_for_gpu THEN 'gpu' ELSE pattern.route END",
}
_FINISHED_JOB: Expressions = {
    **_JOB,
    "submitted_at": "seeded.at",
    "started_at": "seeded.at",
    "finished_at": "seeded.at",
}
_RESULT: Expressions = {
    "id": "pg_temp.new_id(seeded.at)",
    "job_id": "seeded.job_id",
    "created_at": "seeded.at",
    "size_bytes": "octet_length(pattern.document)",  # no arrays are copied
}
_HISTORY: Expressions = {
    "id": "nextval(pg_get_serial_sequence('history', 'id'))",
    "job_id": "seeded.job_id",
    "pointer": "seeded.pointer",
    "owner_id": "seeded.owner_id",
    "circuit_id": "seeded.circuit_id",
    "submitted_at": "seeded.at",
    "started_at": "seeded.at",
    "finished_at": "seeded.at",
}


class Seeder:
    """Copies the newest finished job of a database. Nothing else may use the database meanwhile."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Use an administrator's connection. Raises RuntimeError where no job has finished."""
        self._connection = connection
        row = connection.execute(
            "SELECT id FROM jobs WHERE status = 'finished' ORDER BY pointer DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise RuntimeError("no job has finished here: there is no pattern to copy")
        self._parameters: dict[str, object] = {"pattern_id": row[0], "owners": _OWNERS, "days": _KEPT_DAYS}
        self._parameters["gpu_share"] = _GPU_SHARE

    def add_waiting(self, jobs: int) -> None:
        """Add jobs of many owners, each with a circuit of its own. No job is published: no broker has a hint of one."""
        self._connection.execute("UPDATE jobs SET published_at = NULL WHERE published_at IS NOT NULL")
        self._stage(jobs, jobs_a_circuit=1)
        self._copy("jobs", _WAITING_JOB, "CROSS JOIN seeded WHERE pattern.id = %(pattern_id)s")
        self._copy("pubs", _PUB, "CROSS JOIN seeded WHERE " + _OF_PATTERN)
        event: Expressions = {"job_id": "seeded.job_id", "at": "now()"}
        self._copy("job_events", event, "CROSS JOIN seeded WHERE pattern.sequence = 1 AND " + _OF_PATTERN)
        self._settle()

    def add_finished(self, jobs: int) -> None:
        """Add jobs of many owners that are over, with results, events and history."""
        self._stage(jobs, jobs_a_circuit=_JOBS_A_CIRCUIT)
        self._copy("jobs", _FINISHED_JOB, "CROSS JOIN seeded WHERE pattern.id = %(pattern_id)s")
        event: Expressions = {"job_id": "seeded.job_id", "at": "seeded.at"}
        tables = (("pubs", _PUB), ("job_events", event), ("results", _RESULT), ("history", _HISTORY))
        for table, replaced in tables:
            self._copy(table, replaced, "CROSS JOIN seeded WHERE " + _OF_PATTERN)
        self._settle()

    def _stage(self, jobs: int, *, jobs_a_circuit: int) -> None:
        self._parameters |= {"jobs": jobs, "jobs_a_circuit": jobs_a_circuit}
        self._connection.execute(_NEW_ID)
        for statement in _STAGE:
            # Bound here: statements that define tables take no parameters.
            psycopg.ClientCursor(self._connection).execute(statement, self._parameters)
        self._connection.execute(_NEW_SOURCE)
        circuit_of_pattern: LiteralString = "(SELECT circuit_id FROM pubs WHERE job_id = %(pattern_id)s)"
        self._copy(
            "users",
            _OWNER,
            "CROSS JOIN owners WHERE pattern.id = (SELECT owner_id FROM jobs WHERE id = %(pattern_id)s)",
        )
        self._copy("circuits", _CIRCUIT, "CROSS JOIN seeded_circuits WHERE pattern.id = " + circuit_of_pattern)

    def _copy(self, table: str, replaced: Expressions, source: LiteralString) -> None:
        columns = self._columns(table)
        values = [SQL(replaced[name]) if name in replaced else Identifier("pattern", name) for name in columns]
        insert = SQL("INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS pattern ").format(
            table=Identifier(table),
            columns=SQL(", ").join(map(Identifier, columns)),
            values=SQL(", ").join(values),
        )
        self._connection.execute(insert + SQL(source), self._parameters)

    def _columns(self, table: str) -> list[str]:
        statement = (
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s"
        )
        return [row[0] for row in self._connection.execute(statement, (table,))]

    def _settle(self) -> None:
        """Tell the planner, and leave no work to whoever comes next: it would pay for the rows that were added."""
        self._connection.execute("VACUUM ANALYZE")
        self._connection.execute("CHECKPOINT")
