"""Figures for Prometheus."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from rest_api.dependencies import Neighbours, identify
from rest_api.service_route import ServiceRoute

router = APIRouter(tags=["service"], dependencies=[Depends(identify)], route_class=ServiceRoute)


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        HTTPStatus.OK.value: {
            "description": "Jobs by status, queues by route and status, live workers, latencies of requests.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": 'qserver_jobs{status="pending"} 3.0'}},
        }
    },
)
def get_metrics(neighbours: Neighbours) -> Response:
    """Give the figures; without the database, `qserver_database_up` is 0 and its figures are left out."""
    return Response(generate_latest(neighbours.metrics), media_type=CONTENT_TYPE_PLAIN_0_0_4)
