#!/usr/bin/env bash
# Build all images for all platforms and push them: scripts/push-images.sh REGISTRY [VERSION]
# CPU images for amd64 and arm64, the GPU's for amd64. Needs buildx with a builder that can do both:
# docker buildx create --use. DRY_RUN=1 only prints what would be built.
set -euo pipefail
cd "$(dirname "$0")/.."

registry=${1:-}
version=${2:-}
if [ -z "$registry" ]; then
    echo "make push: name a registry, e.g. make push REGISTRY=ghcr.io/somebody VERSION=1.2.3" >&2
    exit 1
fi
export QSERVER_REGISTRY="${registry%/}/"
export QSERVER_VERSION=${version:-$(sed -n 's/^__version__ = "\(.*\)"/\1/p' qserver/__init__.py)}
QSERVER_REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
export QSERVER_REVISION
# Baking reads compose.yml for names and arguments, not for secrets.
secrets=(DB_ROOT_USER=x DB_ROOT_PASSWORD=x DB_USERNAME=x DB_PASSWORD=x RABBITMQ_USER=x RABBITMQ_PASSWORD=x
    SECRETS_CHANGED=x WORKER_CPUS=1 WORKER_MEMORY=1g)
# Beside what is attested of the whole image, the system's packages included, a list of what pip installs into each.
output=(--push --sbom=true --provenance=mode=max)
if [ -n "${DRY_RUN:-}" ]; then
    output=(--print)
else
    make --silent sbom VERSION="$QSERVER_VERSION"
fi

env "${secrets[@]}" docker buildx bake -f compose.yml "${output[@]}" \
    --set '*.platform=linux/amd64,linux/arm64' proxy jobs-server rest-api worker janitor
env "${secrets[@]}" docker buildx bake -f compose.yml "${output[@]}" \
    --set 'worker.platform=linux/amd64' --set 'worker.args.SIMULATOR=simulator-gpu' \
    --set "worker.tags=${QSERVER_REGISTRY}qserver/worker-gpu:${QSERVER_VERSION}" worker
