#!/bin/sh
# Start the proxy: check settings and certificates, render the configuration, become nginx. A child of it looks at the
# certificate files from time to time and has nginx read them again when they have changed.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/settings.sh"
. "$here/certificates.sh"
. "$here/rendering.sh"

main() {
    read_settings
    prepare_folders
    choose_certificate
    fault=$(certificate_fault)
    [ -z "$fault" ] || fail "$fault"
    warn_of_expiry
    render
    # A look that fails, with the disk full say, has said why; the next one may do better.
    served=$(fingerprint)
    while kill -0 "$$" 2>/dev/null; do (watch_certificates "$served") || sleep "$check_seconds"; done &
    exec "$nginx" -p "$run_folder" -e stderr -c "$run_folder/nginx.conf"
}

prepare_folders() {
    mkdir -p "$run_folder" || fail "$run_folder can't be made: it must be on a tmpfs or a disk with room left"
    # A socket that a killed nginx left behind can't be listened on again.
    rm -f "$run_folder/nginx.pid" "$run_folder/http.socket" "$run_folder/https.socket"
}

# The shell becomes nginx, so $$ is nginx's process id.
watch_certificates() {
    seen=$1
    while sleep "$check_seconds" && kill -0 "$$" 2>/dev/null; do
        choose_certificate
        warn_of_expiry
        found=$(fingerprint)
        [ "$found" != "$seen" ] || continue
        # Who renews writes several files: wait until they rest.
        sleep 1
        [ "$found" = "$(fingerprint)" ] || continue
        reload && seen=$found
    done
}

reload() {
    fault=$(certificate_fault)
    if [ -n "$fault" ]; then
        say_once "the changed certificate is not used, the old one still is: $fault"
        return 1
    fi
    [ -s "$run_folder/nginx.pid" ] || return 1
    warned_on=
    warn_of_expiry
    render
    kill -HUP "$$"
    say "read the changed certificate, $certificate"
}

main
