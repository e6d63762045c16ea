#!/bin/sh
# In the place of docker, for scripts that talk to the database by `docker compose`: its postgres is the tests' own.
[ "$1 $2" = "compose --env-file" ] && shift 3
case "$*" in
"ps --quiet --status running postgres" | "ps --services --status running") echo postgres ;;
"up --detach --wait postgres") ;;
"exec -T postgres sh -c "*)
    shift 5
    exec sh -c "$1"
    ;;
*)
    echo "docker.sh: nobody has thought of: docker compose $*" >&2
    exit 64
    ;;
esac
