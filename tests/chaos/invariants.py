"""What must be so in the database when all is over, as queries that find what is not. Each gives a job's id a row."""

from collections.abc import Mapping

INVARIANTS: Mapping[str, str] = {
    "a job is not in a final state": "SELECT id FROM jobs WHERE status IN ('pending', 'running')",
    "a finished job has not exactly one result": """
        SELECT jobs.id FROM jobs LEFT JOIN results ON results.job_id = jobs.id
        WHERE jobs.status = 'finished' GROUP BY jobs.pointer HAVING count(results.id) <> 1""",
    "a job that did not finish has a result": """
        SELECT jobs.id FROM jobs JOIN results ON results.job_id = jobs.id WHERE jobs.status <> 'finished'""",
    "a result is of another attempt than the one that finished": """
        SELECT jobs.id FROM jobs JOIN results ON results.job_id = jobs.id WHERE results.attempt <> jobs.attempt""",
    "a job was claimed more or fewer times than it has attempts": """
        SELECT jobs.id FROM jobs LEFT JOIN job_events ON job_events.job_id = jobs.id AND job_events.status = 'running'
        GROUP BY jobs.pointer HAVING count(job_events.sequence) <> jobs.attempt""",
    "a job ran twice without waiting in between": """
        SELECT job_id FROM (SELECT job_id, status, lead(status) OVER (PARTITION BY job_id ORDER BY sequence) AS next
        FROM job_events) AS steps WHERE status = 'running' AND next = 'running'""",
    "events of a job have gaps": """
        SELECT jobs.id FROM jobs LEFT JOIN job_events ON job_events.job_id = jobs.id GROUP BY jobs.pointer
        HAVING count(job_events.sequence) <> jobs.event_sequence
        OR max(job_events.sequence) <> jobs.event_sequence OR min(job_events.sequence) <> 1""",
    "a job ended more than once, or something followed its end": """
        SELECT jobs.id FROM jobs JOIN job_events ON job_events.job_id = jobs.id
        WHERE job_events.status IN ('finished', 'failed', 'canceled')
        GROUP BY jobs.pointer HAVING count(*) <> 1 OR max(job_events.sequence) <> jobs.event_sequence""",
    "a job has not exactly one row of history that says the same": """
        SELECT jobs.id FROM jobs LEFT JOIN history ON history.job_id = jobs.id AND history.status = jobs.status
        AND history.attempt = jobs.attempt GROUP BY jobs.pointer HAVING count(history.id) <> 1""",
    "a job was given up before its attempts were used": """
        SELECT id FROM jobs WHERE reason = 'WORKER_LOST' AND attempt < max_attempts""",
    "history tells of a job that is not there": """
        SELECT job_id FROM history WHERE NOT EXISTS (SELECT FROM jobs WHERE jobs.id = history.job_id)""",
    "a submission leads to no job": """
        SELECT job_id FROM submissions WHERE NOT EXISTS (SELECT FROM jobs WHERE jobs.id = submissions.job_id)""",
    "a job has no submission that led to it, or several": """
        SELECT jobs.id FROM jobs LEFT JOIN submissions ON submissions.job_id = jobs.id
        GROUP BY jobs.pointer HAVING count(submissions.job_id) <> 1""",
    "a job has no circuit": """
        SELECT jobs.id FROM jobs WHERE NOT EXISTS (SELECT FROM pubs WHERE pubs.job_id = jobs.id)""",
    "a circuit belongs to no job": """
        SELECT circuits.id FROM circuits WHERE NOT EXISTS (SELECT FROM pubs WHERE pubs.circuit_id = circuits.id)""",
}
"""A sentence that says what is wrong, and the query for those that it is true of."""
