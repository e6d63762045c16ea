"""The routes, one module a topic."""

from fastapi import APIRouter

from rest_api.routes import access, documents, events, jobs, many_results, metrics, plugins, results, service

ROUTERS: tuple[APIRouter, ...] = (
    results.router,  # before jobs: /job/result/{id} must not be read as /job/{id}
    many_results.router,
    jobs.router,
    events.router,
    plugins.router,
    access.router,
    service.router,
    metrics.router,
    documents.router,
)
