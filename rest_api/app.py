"""The application: the routes, and what stands around them."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from rest_api import openapi
from rest_api.errors import ErrorHandlers
from rest_api.metrics import HttpMetrics, StateCollector
from rest_api.middleware.body import BodyMiddleware
from rest_api.middleware.guard import GuardMiddleware
from rest_api.middleware.paths import TrailingSlashMiddleware
from rest_api.middleware.response import ResponseMiddleware
from rest_api.routes import ROUTERS
from rest_api.services import Services
from rest_api.shared_results import SharedResults


def create_app(services: Services) -> FastAPI:
    """Build an application over `services`, which it uses and does not close. One application for each Services."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.services = services
    app.state.shared_results = SharedResults(services.database)
    for router in ROUTERS:
        app.include_router(router)
    # Built once, when somebody first looks; FastAPI's own way to replace its document.
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]  # as FastAPI's manual does
    ErrorHandlers(allowed_methods).install(app)
    _surround(app, services)
    return app


def all_routes() -> tuple[APIRoute, ...]:
    """List the routes of every application."""
    return tuple(route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))


def allowed_methods(path: str) -> frozenset[str]:
    """Tell which methods a path answers; none where there is no such path."""
    return frozenset(method for route in all_routes() if route.path_regex.match(path) for method in route.methods or ())


def _document(app: FastAPI) -> openapi.Document:
    if app.openapi_schema is None:
        app.openapi_schema = openapi.describe(all_routes())
    return app.openapi_schema


def _surround(app: FastAPI, services: Services) -> None:
    """Put the middlewares around the routes. Each one added stands outside those before it."""
    metrics = HttpMetrics(services.metrics)
    services.metrics.register(
        StateCollector(
            services.database, services.event_hub, live_within_seconds=services.settings.worker.live_within_seconds
        )
    )
    app.add_middleware(TrailingSlashMiddleware)
    app.add_middleware(BodyMiddleware, limits=services.settings.limits)
    app.add_middleware(GuardMiddleware, allowed_hosts=services.settings.rest_api.http_allowed_hosts)
    app.add_middleware(ResponseMiddleware, metrics=metrics)
