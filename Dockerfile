# All services: docker build --target jobs-server|rest-api|worker|janitor .   (migrations are run by the janitor's image)
#
# A service's image holds its own hashed lock and its own packages of this repository, nothing else. Code comes last:
# a change of it leaves the layers with the libraries as they are. Where pip must be told where packages come from:
# docker build --secret id=pip_conf,src=FILE
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/qserver/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# Above the ids that distributions give away. New volumes take owner and rights from these folders.
RUN groupadd --gid 10001 qserver \
    && useradd --uid 10001 --gid qserver --home-dir /tmp --no-create-home --shell /usr/sbin/nologin qserver \
    && install -d -o qserver -g qserver -m 750 /var/log/qserver /var/lib/qserver /var/lib/qserver/plugins
WORKDIR /app

# Libraries, one environment a service.
FROM base AS libraries
RUN python -m venv --without-pip /opt/qserver
COPY --chmod=755 deploy/install-lock.sh /usr/local/bin/install-lock

FROM libraries AS jobs-server-libraries
COPY requirements/jobs-server.txt /tmp/requirements/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf --mount=type=cache,target=/tmp/.cache/pip,sharing=locked \
    install-lock /tmp/requirements/jobs-server.txt

FROM libraries AS rest-api-libraries
COPY requirements/rest-api.txt /tmp/requirements/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf --mount=type=cache,target=/tmp/.cache/pip,sharing=locked \
    install-lock /tmp/requirements/rest-api.txt

FROM libraries AS worker-libraries
# simulator, or simulator-gpu for NVIDIA cards (x86-64 only; runs on the CPU too where there is no card)
ARG SIMULATOR=simulator
COPY requirements/worker-${SIMULATOR}.txt /tmp/requirements/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf --mount=type=cache,target=/tmp/.cache/pip,sharing=locked \
    install-lock /tmp/requirements/worker-${SIMULATOR}.txt

FROM libraries AS janitor-libraries
COPY requirements/janitor.txt /tmp/requirements/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf --mount=type=cache,target=/tmp/.cache/pip,sharing=locked \
    install-lock /tmp/requirements/janitor.txt

# Our code, compiled. Each service copies its part: a change in one leaves the images of the others as they are.
FROM base AS code
COPY qserver /code/qserver
COPY database /code/database
COPY plugins /code/plugins
COPY jobs_server /code/jobs_server
COPY rest_api /code/rest_api
COPY worker /code/worker
COPY janitor /code/janitor
RUN chmod -R u=rwX,go=rX /code \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /code -p /app /code

FROM base AS jobs-server
COPY --from=jobs-server-libraries /opt/qserver /opt/qserver
COPY --from=code /code/qserver qserver
COPY --from=code /code/database database
COPY --from=code /code/plugins plugins
COPY --from=code /code/jobs_server jobs_server
USER 10001:10001
EXPOSE 50051 9100
CMD ["python", "-m", "jobs_server"]
ARG QSERVER_VERSION=unreleased
ARG QSERVER_REVISION=unknown
LABEL org.opencontainers.image.title="QServer jobs_server" \
      org.opencontainers.image.description="Takes quantum circuits over gRPC and dispatches them" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${QSERVER_VERSION}" \
      org.opencontainers.image.revision="${QSERVER_REVISION}"

FROM base AS rest-api
COPY --from=rest-api-libraries /opt/qserver /opt/qserver
COPY --from=code /code/qserver qserver
COPY --from=code /code/database database
COPY --from=code /code/plugins plugins
COPY --from=code /code/rest_api rest_api
USER 10001:10001
EXPOSE 8080
CMD ["python", "-m", "rest_api"]
ARG QSERVER_VERSION=unreleased
ARG QSERVER_REVISION=unknown
LABEL org.opencontainers.image.title="QServer rest_api" \
      org.opencontainers.image.description="Jobs and results of quantum circuits over HTTP" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${QSERVER_VERSION}" \
      org.opencontainers.image.revision="${QSERVER_REVISION}"

FROM base AS worker
COPY --from=worker-libraries /opt/qserver /opt/qserver
COPY --from=code /code/qserver qserver
COPY --from=code /code/database database
COPY --from=code /code/plugins plugins
COPY --from=code /code/worker worker
USER 10001:10001
EXPOSE 9101
CMD ["python", "-m", "worker"]
ARG SIMULATOR=simulator
ARG QSERVER_VERSION=unreleased
ARG QSERVER_REVISION=unknown
LABEL org.opencontainers.image.title="QServer worker" \
      org.opencontainers.image.description="Runs quantum circuits (${SIMULATOR})" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${QSERVER_VERSION}" \
      org.opencontainers.image.revision="${QSERVER_REVISION}"

FROM base AS janitor
COPY --from=janitor-libraries /opt/qserver /opt/qserver
COPY --from=code /code/qserver qserver
COPY --from=code /code/database database
COPY --from=code /code/janitor janitor
USER 10001:10001
CMD ["python", "-m", "janitor"]
ARG QSERVER_VERSION=unreleased
ARG QSERVER_REVISION=unknown
LABEL org.opencontainers.image.title="QServer janitor" \
      org.opencontainers.image.description="Migrates the database and removes what need not be kept" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${QSERVER_VERSION}" \
      org.opencontainers.image.revision="${QSERVER_REVISION}"
