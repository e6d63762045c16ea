#!/bin/sh
# A certificate authority of your own: for a box in a LAN, and for workers on other machines. Safe to repeat: the
# authority is made once, a certificate is made anew each time.
#
#   certs/private-ca.sh server NAME_OR_ADDRESS...   the proxy's certificate, e.g. server box.lan 192.168.1.20
#   certs/private-ca.sh worker-endpoint             the certificate of the proxy's endpoint for workers
#   certs/private-ca.sh client NAME                 a certificate for a worker on another machine
#   certs/private-ca.sh revoke NAME                 turn away every certificate that client NAME has had
#   certs/private-ca.sh list                        all certificates, with their state
#
# A certificate is valid for 820 days, or for QSERVER_CERTIFICATE_DAYS. What is made lies in certs/private: `proxy` is what
# the proxy mounts at /certs, `clients/NAME` goes to the worker's machine, `authority` holds the key that signs. Whoever
# has that key can pretend to be your box: keep a copy offline.
set -eu
umask 077

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=${QSERVER_PRIVATE_CA_FOLDER:-$here/private}
authority=$folder/authority
proxy=$folder/proxy
readonly AUTHORITY_DAYS=3650
readonly DAYS=820 # Apple's devices take no more than 825
readonly ENDPOINT_NAMES="broker.qserver database.qserver"

fail() {
    printf 'private-ca: %s\n' "$1" >&2
    exit 1
}

usage() {
    sed -n 's/^#   //p' "$0" >&2
    exit 2
}

main() {
    command -v openssl >/dev/null || fail "openssl is not installed"
    [ $# -gt 0 ] || usage
    command=$1
    shift
    case $command in
    server) [ $# -gt 0 ] || usage && make_server "$@" ;;
    worker-endpoint) [ $# -eq 0 ] || usage && make_worker_endpoint ;;
    client) [ $# -eq 1 ] || usage && make_client "$1" ;;
    revoke) [ $# -eq 1 ] || usage && revoke "$1" ;;
    list) [ $# -eq 0 ] || usage && list ;;
    *) usage ;;
    esac
}

make_server() {
    names=$(subject_names "$@")
    ensure_authority
    issue "$1" server "$names" "$proxy/server"
    let_proxy_read
    echo "The proxy serves $proxy/server.crt within half a minute."
    echo "Clients trust it by $proxy/ca.crt: docs/howto/tls.md"
}

make_worker_endpoint() {
    # shellcheck disable=SC2086
    names=$(subject_names $ENDPOINT_NAMES)
    ensure_authority
    issue worker-endpoint server "$names" "$proxy/worker-endpoint"
    let_proxy_read
    echo "The proxy serves workers with $proxy/worker-endpoint.crt where QSERVER_WORKER_ENDPOINT=on."
}

make_client() {
    require_client_name "$1"
    ensure_authority
    client=$folder/clients/$1
    mkdir -p "$client"
    issue "$1" client "" "$client/client"
    cp "$authority/ca.crt" "$client/ca.crt"
    echo "Copy $client to the worker's machine, and nowhere else: docs/howto/tls.md"
}

revoke() {
    require_client_name "$1"
    require_authority
    serials=$(awk -F '\t' -v name="/CN=$1" '$1 == "V" && $6 == name { print $4 }' "$authority/index.txt")
    [ -n "$serials" ] || fail "no valid certificate was made for client $1"
    for serial in $serials; do
        authorise -revoke "$authority/issued/$serial.pem"
    done
    write_revocations
    let_proxy_read
    echo "The proxy turns away client $1 within half a minute; links that are open stay until they end."
}

list() {
    require_authority
    openssl ca -config "$authority/openssl.cnf" -updatedb 2>/dev/null
    awk -F '\t' '
        BEGIN { state["V"] = "valid"; state["R"] = "revoked"; state["E"] = "expired" }
        { print state[$1], "until 20" substr($2, 1, 2) "-" substr($2, 3, 2) "-" substr($2, 5, 2), substr($6, 5) }
    ' "$authority/index.txt"
}

require_authority() {
    [ -s "$authority/ca.crt" ] || fail "there is no authority in $authority"
    write_configuration
}

require_client_name() {
    case $1 in
    '' | *[!A-Za-z0-9._-]* | [!A-Za-z0-9]*) fail "'$1' is no name for a client: use letters, digits and ._-" ;;
    esac
}

# Print names and addresses as a certificate holds them.
subject_names() {
    found=
    for name in "$@"; do
        case $name in
        '' | *[!A-Za-z0-9.:*-]* | -*) fail "'$name' is neither a name nor an address (no https://, no port)" ;;
        *:*) kind=IP ;;
        *[!0-9.]*) kind=DNS ;;
        *) kind=IP ;;
        esac
        found=${found:+$found,}$kind:$name
    done
    printf '%s' "$found"
}

ensure_authority() {
    mkdir -p "$authority/issued" "$proxy"
    # Others on this machine can't pass; so what is inside may be readable by the proxy's user, which isn't ours.
    chmod 700 "$folder"
    chmod 755 "$proxy"
    write_configuration
    [ ! -s "$authority/ca.crt" ] || return 0
    : >"$authority/index.txt"
    echo 01 >"$authority/crlnumber"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days "$AUTHORITY_DAYS" \
        -config "$authority/openssl.cnf" -extensions authority -subj "/CN=QServer private CA of $(uname -n)" \
        -keyout "$authority/ca.key" -out "$authority/ca.crt.new" 2>"$authority/log" || fail "$(cat "$authority/log")"
    mv "$authority/ca.crt.new" "$authority/ca.crt"
    write_revocations
    echo "Made a certificate authority in $authority: keep ca.key safe."
}

# Written each time: it names the folder, which may have been moved.
write_configuration() {
    cat >"$authority/openssl.cnf" <<END
[ca]
default_ca = own
[own]
database = $authority/index.txt
new_certs_dir = $authority/issued
certificate = $authority/ca.crt
private_key = $authority/ca.key
crlnumber = $authority/crlnumber
default_md = sha256
default_crl_days = $AUTHORITY_DAYS
rand_serial = yes
unique_subject = no
policy = names
[names]
commonName = supplied
[req]
distinguished_name = request
[request]
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
END
}

authorise() {
    openssl ca -config "$authority/openssl.cnf" -batch -notext "$@" 2>"$authority/log" || fail "$(cat "$authority/log")"
}

# issue COMMON_NAME server|client SUBJECT_NAMES PATH: makes PATH.key and PATH.crt.
issue() {
    {
        printf 'basicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\n'
        printf 'extendedKeyUsage = %sAuth\nauthorityKeyIdentifier = keyid\n' "$2"
        [ -z "$3" ] || printf 'subjectAltName = %s\n' "$3"
    } >"$authority/extensions"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config "$authority/openssl.cnf" \
        -subj "/CN=$1" -keyout "$4.key.new" -out "$authority/request" 2>"$authority/log" || fail "$(cat "$authority/log")"
    authorise -days "${QSERVER_CERTIFICATE_DAYS:-$DAYS}" -extfile "$authority/extensions" -in "$authority/request" -out "$4.crt.new"
    rm "$authority/extensions" "$authority/request"
    mv "$4.key.new" "$4.key"
    mv "$4.crt.new" "$4.crt"
}

write_revocations() {
    authorise -gencrl -out "$proxy/ca.crl.new"
    mv "$proxy/ca.crl.new" "$proxy/ca.crl"
}

# The proxy runs as a user of its own, and only root could give it the files.
let_proxy_read() {
    cp "$authority/ca.crt" "$proxy/ca.crt"
    find "$proxy" -name '*.crt' -exec chmod 644 {} + -o -name '*.key' -exec chmod 644 {} + -o -name '*.crl' -exec chmod 644 {} +
}

main "$@"
