# What the environment says, checked. Sourced by entrypoint.sh; a wrong value ends the proxy with a sentence.

readonly octet='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
readonly network="($octet\.){3}$octet(/(3[0-2]|[12]?[0-9]))?"

say() {
    printf 'qserver-proxy: %s\n' "$1" >&2
}

fail() {
    say "$1"
    exit 1
}

# require_number NAME VALUE LEAST MOST
require_number() {
    case $2 in
    '' | *[!0-9]* | ???????????????*) fail "$1 is '$2'; it must be a whole number from $3 to $4" ;;
    esac
    if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
        fail "$1 is $2; it must be from $3 to $4"
    fi
}

# require_address NAME VALUE: a host and a port, nothing that could end a directive of nginx.
require_address() {
    printf '%s\n' "$2" | grep -Eqx '[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?:[0-9]{1,5}' ||
        fail "$1 is '$2'; it must be a host and a port, such as rest-api:8080"
}

# require_networks NAME VALUE
require_networks() {
    printf '%s\n' "$2" | grep -Eqx "($network( *, *$network)*)?" ||
        fail "$1 is '$2'; it must be IPv4 networks parted by commas, such as 10.1.0.0/16,192.0.2.7"
}

# require_folder NAME VALUE
require_folder() {
    printf '%s\n' "$2" | grep -Eqx '/[A-Za-z0-9._/-]*' ||
        fail "$1 is '$2'; it must be an absolute path of letters, digits and ._-/"
}

# The nameservers of this machine or container; one that listens nowhere where there are none.
nameservers() {
    found=$(awk '$1 == "nameserver" { print ($2 ~ /:/) ? "[" $2 "]" : $2 }' /etc/resolv.conf 2>/dev/null | tr '\n' ' ')
    printf '%s' "${found:-127.0.0.1}"
}

read_settings() {
    domain=${DOMAIN:-}
    grpc_upstream=${QSERVER_GRPC_UPSTREAM:-jobs-server:50051}
    http_upstream=${QSERVER_HTTP_UPSTREAM:-rest-api:8080}
    max_circuit_bytes=${QSERVER_MAX_CIRCUIT_BYTES:-8388608}
    max_call_bytes=${QSERVER_MAX_CALL_BYTES:-33554432}
    rate=${QSERVER_PROXY_RATE:-500}
    streams=${QSERVER_PROXY_STREAMS:-1000}
    connections=${QSERVER_PROXY_CONNECTIONS:-1000}
    unbounded_from=${QSERVER_PROXY_UNBOUNDED_FROM:-}
    worker_endpoint=${QSERVER_WORKER_ENDPOINT:-off}
    broker_upstream=${QSERVER_BROKER_UPSTREAM:-rabbitmq:5672}
    database_upstream=${QSERVER_DATABASE_UPSTREAM:-postgres:5432}
    # Below: where the image's own places are not right, as in the tests.
    nginx=${QSERVER_PROXY_NGINX:-nginx}
    listen=${QSERVER_PROXY_LISTEN:-0.0.0.0}
    http_port=${QSERVER_PROXY_HTTP_PORT:-8080}
    https_port=${QSERVER_PROXY_HTTPS_PORT:-8443}
    worker_port=${QSERVER_PROXY_WORKER_PORT:-5443}
    run_folder=${QSERVER_PROXY_RUN_FOLDER:-/tmp/qserver-proxy}
    state_folder=${QSERVER_PROXY_STATE_FOLDER:-/var/lib/qserver-proxy}
    certs_folder=${QSERVER_PROXY_CERTS_FOLDER:-/certs}
    letsencrypt_folder=${QSERVER_PROXY_LETSENCRYPT_FOLDER:-/etc/letsencrypt}
    acme_folder=${QSERVER_PROXY_ACME_FOLDER:-/acme}
    resolver=${QSERVER_PROXY_RESOLVER:-$(nameservers)}
    check_seconds=${QSERVER_PROXY_CHECK_SECONDS:-30}
    check_settings
}

check_settings() {
    require_number QSERVER_MAX_CIRCUIT_BYTES "$max_circuit_bytes" 1 99999999999
    require_number QSERVER_MAX_CALL_BYTES "$max_call_bytes" 1 99999999999
    require_number QSERVER_PROXY_RATE "$rate" 1 100000
    require_number QSERVER_PROXY_STREAMS "$streams" 1 60000
    require_number QSERVER_PROXY_CONNECTIONS "$connections" 1 2000
    require_number QSERVER_PROXY_CHECK_SECONDS "$check_seconds" 1 86400
    for port in "$http_port" "$https_port" "$worker_port"; do
        require_number "QSERVER_PROXY_HTTP_PORT, _HTTPS_PORT or _WORKER_PORT" "$port" 1 65535
    done
    require_address QSERVER_GRPC_UPSTREAM "$grpc_upstream"
    require_address QSERVER_HTTP_UPSTREAM "$http_upstream"
    require_address QSERVER_BROKER_UPSTREAM "$broker_upstream"
    require_address QSERVER_DATABASE_UPSTREAM "$database_upstream"
    require_networks QSERVER_PROXY_UNBOUNDED_FROM "$unbounded_from"
    require_folder QSERVER_PROXY_RUN_FOLDER "$run_folder"
    require_folder QSERVER_PROXY_STATE_FOLDER "$state_folder"
    require_folder QSERVER_PROXY_CERTS_FOLDER "$certs_folder"
    require_folder QSERVER_PROXY_LETSENCRYPT_FOLDER "$letsencrypt_folder"
    require_folder QSERVER_PROXY_ACME_FOLDER "$acme_folder"
    check_names
}

check_names() {
    printf '%s\n' "$domain" | grep -Eqx '([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)?' ||
        fail "DOMAIN is '$domain'; it must be a name such as box.example.org, without https:// and without a port"
    printf '%s\n' "$listen" | grep -Eqx '[0-9.]+' ||
        fail "QSERVER_PROXY_LISTEN is '$listen'; it must be an IPv4 address"
    printf '%s\n' "$resolver" | grep -Eqx '[][0-9a-fA-F.: ]+' ||
        fail "QSERVER_PROXY_RESOLVER is '$resolver'; it must be addresses of nameservers, parted by spaces"
    case $worker_endpoint in
    on | off) ;;
    *) fail "QSERVER_WORKER_ENDPOINT is '$worker_endpoint'; it must be on or off" ;;
    esac
}
