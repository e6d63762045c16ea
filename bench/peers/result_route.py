"""`python -m bench.peers.result_route`: a page of results and nothing else, as bare as FastAPI allows.

One connection that is kept, one prepared statement, documents passed through as they are stored, no user, no checks.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import psycopg
import uvicorn
from fastapi import FastAPI, Response

DATABASE_VARIABLE = "BENCH_ROUTE_DATABASE"
PORT_VARIABLE = "BENCH_ROUTE_PORT"

_PAGE = """
SELECT jobs.id, results.document FROM jobs JOIN results ON results.job_id = jobs.id
WHERE jobs.status = 'finished' ORDER BY jobs.pointer LIMIT %s
"""


def create_app(connection_string: str) -> FastAPI:
    """Build the application, which connects when it starts."""

    @asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        async with await psycopg.AsyncConnection.connect(connection_string, autocommit=True) as connection:
            app.state.connection = connection
            yield

    app = FastAPI(lifespan=connected)

    @app.get("/results")
    async def read_results(limit: int) -> Response:
        rows = await app.state.connection.execute(_PAGE, (limit,), prepare=True)
        page = [{"job_id": job_id, "result": orjson.Fragment(document)} async for job_id, document in rows]
        return Response(orjson.dumps(page), media_type="application/json")

    return app


def main() -> None:
    """Serve until SIGTERM."""
    app = create_app(os.environ[DATABASE_VARIABLE])
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ[PORT_VARIABLE]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
