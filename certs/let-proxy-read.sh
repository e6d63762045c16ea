#!/bin/sh
# Let the proxy, group 101 in its image, read a certificate of certbot's. certbot runs it after each renewal, with the
# folder below `live` in RENEWED_LINEAGE; it keeps group and rights of a key that it renews.
set -eu

group=${PROXY_GROUP:-101}
lineage=${RENEWED_LINEAGE:?certbot sets it to a folder below live}
live=$(dirname -- "$lineage")
archive=$(dirname -- "$live")/archive/$(basename -- "$lineage")

chgrp "$group" "$live" "$lineage" "$(dirname -- "$archive")" "$archive" "$archive"/privkey*.pem || {
    echo "let-proxy-read: only root may give files to group $group: run it with sudo" >&2
    exit 1
}
chmod g+rx "$live" "$lineage" "$(dirname -- "$archive")" "$archive"
chmod 640 "$archive"/privkey*.pem
