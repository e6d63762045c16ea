# From the templates and the settings to what nginx reads. Sourced by entrypoint.sh.

render() {
    render_certificate
    render_upstreams
    worker_endpoint_servers=
    [ "$worker_endpoint" = off ] || worker_endpoint_servers="include $run_folder/worker-endpoint.conf;"
    fill "$here/worker-endpoint.conf.template" >"$run_folder/worker-endpoint.conf"
    fill "$here/doors.conf.template" >"$run_folder/doors.conf"
    refusals >"$run_folder/refusals.conf"
    fill "$here/nginx.conf.template" >"$run_folder/nginx.conf"
}

# The values hold no character that is special to sed: check_settings has seen to it.
fill() {
    transport_security=
    [ -z "$domain" ] || transport_security="max-age=31536000"
    sed -e "s|@MODULES@|$(modules)|" -e "s|@WORKER_ENDPOINT@|$worker_endpoint_servers|" \
        -e "s|@RUN_FOLDER@|$run_folder|g" -e "s|@CERTS_FOLDER@|$certs_folder|g" -e "s|@ACME_FOLDER@|$acme_folder|g" \
        -e "s|@LISTEN@|$listen|g" -e "s|@HTTP_PORT@|$http_port|g" -e "s|@HTTPS_PORT@|$https_port|g" \
        -e "s|@WORKER_PORT@|$worker_port|g" -e "s|@RESOLVER@|$resolver|g" \
        -e "s|@BROKER_UPSTREAM@|$broker_upstream|g" -e "s|@DATABASE_UPSTREAM@|$database_upstream|g" \
        -e "s|@RATE@|$rate|g" -e "s|@BURST@|$((rate * 4))|g" -e "s|@STREAMS@|$streams|g" \
        -e "s|@CONNECTIONS@|$connections|g" -e "s|@UNBOUNDED@|$(unbounded_networks)|" \
        -e "s|@TRANSPORT_SECURITY@|$transport_security|g" \
        -e "s|@MAX_CALL_BYTES@|$max_call_bytes|g" -e "s|@MAX_STREAM_BYTES@|$(max_stream_bytes)|g" "$1"
}

# A call is one message of any allowed size, then a circuit in pieces; each piece has a few bytes of frame.
max_stream_bytes() {
    echo $((max_call_bytes + 2 * max_circuit_bytes))
}

# The lines of `geo` for networks whose connections nobody counts.
unbounded_networks() {
    printf '%s' "$unbounded_from" | tr ',' '\n' | sed -n 's/ *\([^ ][^ ]*\) */\1 1;/p' | tr '\n' ' '
}

# Debian's nginx has `stream` as a module to be loaded, the official image's has it built in. Named by its whole path: a
# part of one, as in /etc/nginx/modules-enabled, is looked for below the folder that we run in.
modules() {
    if "$nginx" -V 2>&1 | grep -q -- --with-stream=dynamic; then
        folder=$("$nginx" -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')
        echo "load_module ${folder:-/usr/lib/nginx/modules}/ngx_stream_module.so;"
    fi
}

render_certificate() {
    printf 'ssl_certificate %s;\nssl_certificate_key %s;\n' "$certificate" "$key" >"$run_folder/certificate.conf"
}

# nginx 1.27.3 and newer look names up again in a group of servers too, whose connections are used again. Without that
# each request has a connection of its own, which costs little, until some 470 a second use up the ports.
render_upstreams() {
    if knows_changing_groups; then
        upstream_group jobs_server "$grpc_upstream" 50s
        upstream_group rest_api "$http_upstream" 4s # uvicorn closes after 5
    else
        upstream_name jobs_server "$grpc_upstream"
        upstream_name rest_api "$http_upstream"
    fi >"$run_folder/upstreams.conf"
}

knows_changing_groups() {
    "$nginx" -v 2>&1 | sed -n 's|.*nginx/\([0-9.]*\).*|\1|p' |
        awk -F. '{ exit !($1 * 1000000 + $2 * 1000 + $3 >= 1027003) }'
}

# upstream_group NAME ADDRESS IDLE_TIME
upstream_group() {
    printf 'upstream %s_group {\n    zone %s 128k;\n    server %s resolve max_fails=0;\n' "$1" "$1" "$2"
    printf '    keepalive 64;\n    keepalive_timeout %s;\n}\n' "$3"
    upstream_name "$1" "$1_group"
}

# upstream_name NAME VALUE: a variable, so that the value is looked up at each request.
upstream_name() {
    printf 'map "" $%s {\n    default %s;\n}\n' "$1" "$2"
}

refusals() {
    refusal not_found 404 "Not Found" 12 NOT_FOUND \
        "there is nothing here; see /docs" "there is nothing here"
    refusal bad_request 400 "Bad Request" 3 INVALID_REQUEST \
        "the request is malformed, or no TLS was spoken on the port for TLS"
    refusal too_slow 408 "Request Timeout" 4 INVALID_REQUEST \
        "the upload stopped for too long"
    refusal too_large 413 "Content Too Large" 3 TOO_LARGE \
        "the body is larger than $max_call_bytes bytes (QSERVER_MAX_CALL_BYTES)" \
        "the call is larger than $(max_stream_bytes) bytes (QSERVER_MAX_CALL_BYTES and twice QSERVER_MAX_CIRCUIT_BYTES)"
    refusal too_many 429 "Too Many Requests" 8 QUOTA_EXCEEDED \
        "more than $rate requests a second (QSERVER_PROXY_RATE) or $streams at once (QSERVER_PROXY_STREAMS) come from this address; try again later"
    refusal internal 500 "Internal Server Error" 13 INTERNAL \
        "something went wrong inside the proxy; its log says what"
    refusal unavailable 503 "Service Unavailable" 14 UNAVAILABLE \
        "the results API does not answer; it may be starting: try again soon" \
        "the jobs server does not answer; it may be starting: try again soon"
}

# refusal NAME HTTP_STATUS TITLE GRPC_CODE REASON SENTENCE [SENTENCE_FOR_GRPC]
refusal() {
    at_both_places "$1" "$(problem_document "$2" "$3" "$5" "$6")"
    at_both_places "$1_grpc" "$(trailers_only "$4" "$5" "${7:-$6}")"
}

# at_both_places NAME ANSWER: nginx goes to a named location only with a path, to one with an address also without.
at_both_places() {
    printf '        location @%s {\n%s\n        }\n' "$1" "$2"
    printf '        location = /refused/%s {\n            internal;\n            client_max_body_size 0;\n%s\n        }\n' "$1" "$2"
}

# problem_document STATUS TITLE REASON SENTENCE: the document of RFC 9457 that rest_api gives, too.
problem_document() {
    cat <<END
            default_type application/problem+json;
            return $1 '{"type":"about:blank","title":"$2","status":$1,"detail":"$4","reason":"$3","msg":"$4"}';
END
}

# trailers_only CODE REASON SENTENCE: an answer that has no body but its status, as gRPC calls it.
trailers_only() {
    cat <<END
            default_type application/grpc;
            add_header grpc-status $1;
            add_header grpc-message "$3";
            add_header qserver-reason $2;
            return 200 "";
END
}
