#!/bin/sh
# Get a certificate of Let's Encrypt for a domain, with certbot, and have it renewed. As root, on the box.
#
#   certs/generate-certs.sh DOMAIN                    by HTTP: the internet reaches the proxy at http://DOMAIN:80
#   certs/generate-certs.sh DOMAIN --dns              by a DNS record that you are asked to make (again at each renewal)
#   certs/generate-certs.sh DOMAIN -- OPTION...       by certbot's own options, e.g. -- --dns-cloudflare
#                                                     --dns-cloudflare-credentials FILE; renewed without you
#
# EMAIL=you@example.org is told of trouble with renewals; STAGING=1 tries it without using up Let's Encrypt's limits.
# LETSENCRYPT_FOLDER (default /etc/letsencrypt) is what compose.yml mounts whole: `live` only links into `archive`.
# Renewal is `certbot renew`, which certbot's packages run twice a day; the proxy sees new files by itself.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${LETSENCRYPT_FOLDER:-/etc/letsencrypt}
acme_folder=${ACME_FOLDER:-$here/acme}

fail() {
    printf 'generate-certs: %s\n' "$1" >&2
    exit 1
}

usage() {
    sed -n 's/^#   //p' "$0" >&2
    exit 2
}

main() {
    [ $# -gt 0 ] || usage
    domain=$1
    shift
    printf '%s\n' "$domain" | grep -Eqx '(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*' ||
        fail "'$domain' is no domain such as box.example.org; for a name or address of a LAN: certs/private-ca.sh server NAME"
    command -v certbot >/dev/null ||
        fail "certbot is not installed: apt install certbot, or see https://certbot.eff.org"
    case ${1:-} in
    '') order --webroot --webroot-path "$acme_folder" ;;
    --dns) order --manual --preferred-challenges dns ;;
    --)
        shift
        [ $# -gt 0 ] || usage
        order "$@"
        ;;
    *) usage ;;
    esac
    told="make env DOMAIN=${domain#\*.}"
    [ "$folder" = /etc/letsencrypt ] || told="set LETSENCRYPT_FOLDER=$folder in .env; $told"
    echo "Now: $told; docker compose up -d. A proxy that has them serves the certificate within half a minute."
}

order() {
    if [ -n "${EMAIL:-}" ]; then
        set -- "$@" --email "$EMAIL"
    else
        set -- "$@" --register-unsafely-without-email
    fi
    [ -z "${STAGING:-}" ] || set -- "$@" --staging
    mkdir -p "$acme_folder"
    # The files that Let's Encrypt is to find are read by the proxy's user.
    chmod 755 "$acme_folder"
    umask 022
    # certbot keeps the command for its renewals, but not our environment.
    hook="env PROXY_GROUP=${PROXY_GROUP:-101} $here/let-proxy-read.sh"
    certbot certonly --agree-tos --config-dir "$folder" --cert-name "${domain#\*.}" --domain "$domain" \
        --key-type ecdsa --keep-until-expiring --deploy-hook "$hook" "$@" ||
        fail "no certificate was made for $domain: certbot says why above"
    # certbot runs the hook for new certificates only.
    RENEWED_LINEAGE=$folder/live/${domain#\*.} "$here/let-proxy-read.sh"
}

main "$@"
