"""The page of documentation. Its scripts and styles are ours to serve: a lab without internet sees it too."""

from pathlib import Path

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from rest_api.dependencies import identify
from rest_api.json_response import json_response
from rest_api.service_route import ServiceRoute

STATIC_FOLDER = Path(__file__).parent.parent / "static"

router = APIRouter(dependencies=[Depends(identify)], include_in_schema=False, route_class=ServiceRoute)
_static = StaticFiles(directory=STATIC_FOLDER)


@router.get("/docs")
async def get_docs() -> Response:
    """Give Swagger UI over our document."""
    return FileResponse(STATIC_FOLDER / "docs.html", media_type="text/html")


@router.get("/swagger/index.html")
async def get_original_docs() -> Response:
    """Lead people who know the original's address to the page."""
    return RedirectResponse("/docs")


@router.get("/openapi.json")
async def get_document(request: Request) -> Response:
    """Give the OpenAPI document."""
    return json_response(request.app.openapi())


@router.get("/static/{path:path}")
async def get_static(path: str, request: Request) -> Response:
    """Give one of the page's files; raises the framework's 404 for any other."""
    return await _static.get_response(path, request.scope)
