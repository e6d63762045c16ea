# Which certificate is served, and what is wrong with one. Sourced by entrypoint.sh.

readonly SOON_SECONDS=1209600 # 14 days
readonly SELF_SIGNED_DAYS=800

# Set `certificate`, `key` and `remedy`: what is served, and how to get a better one.
choose_certificate() {
    if [ -n "$domain" ] && choose_letsencrypt; then
        return
    fi
    if [ -z "$domain" ] && { [ -e "$certs_folder/server.crt" ] || [ -e "$certs_folder/server.key" ]; }; then
        certificate=$certs_folder/server.crt
        key=$certs_folder/server.key
        remedy="make another one on the host with certs/private-ca.sh server NAME"
        return
    fi
    choose_self_signed
}

choose_letsencrypt() {
    certificate=$letsencrypt_folder/live/$domain/fullchain.pem
    key=$letsencrypt_folder/live/$domain/privkey.pem
    remedy="run certs/generate-certs.sh $domain on the host"
    missing=
    if [ -d "$letsencrypt_folder/live" ] && [ ! -x "$letsencrypt_folder/live" ]; then
        missing="$letsencrypt_folder/live can't be entered by user $(id -u), group $(id -g)"
    elif [ ! -e "$certificate" ]; then
        missing="there is no $certificate (if it is on the host: make env sets LETSENCRYPT_FOLDER, then docker compose up -d)"
    fi
    [ -n "$missing" ] || return 0
    say_once "$missing: $remedy. Until then a self-signed certificate is served"
    return 1
}

choose_self_signed() {
    certificate=$state_folder/self-signed.crt
    key=$state_folder/self-signed.key
    remedy="remove it and restart the proxy: it makes another one"
    if ! openssl x509 -in "$certificate" -noout -checkend "$SOON_SECONDS" >/dev/null 2>&1 || [ ! -s "$key" ]; then
        make_self_signed
    fi
}

make_self_signed() {
    names="DNS:localhost,DNS:qserver,IP:127.0.0.1${domain:+,DNS:$domain}"
    (
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days "$SELF_SIGNED_DAYS" \
            -subj "/CN=QServer, self-signed" -addext "subjectAltName=$names" \
            -addext "basicConstraints=critical,CA:FALSE" -addext "extendedKeyUsage=serverAuth" \
            -keyout "$key.new" -out "$certificate.new" 2>/dev/null && mv "$key.new" "$key" &&
            mv "$certificate.new" "$certificate"
    ) || fail "a self-signed certificate can't be written to $state_folder: is it a volume that user $(id -u) may write to, with room left?"
    say "made a self-signed certificate, $certificate. Clients will warn of it: docs/howto/tls.md says how to get another"
}

# Print why nginx can't serve a certificate with a key; nothing where it can.
fault_of() {
    for file in "$1" "$2"; do
        if [ ! -e "$file" ]; then
            echo "there is no $file"
            return
        elif [ ! -r "$file" ]; then
            echo "$file can't be read by user $(id -u), group $(id -g)"
            return
        fi
    done
    certified=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null) || {
        echo "$1 is no certificate in PEM form"
        return
    }
    own=$(openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null) || {
        echo "$2 is no key in PEM form, or it wants a passphrase"
        return
    }
    [ "$certified" = "$own" ] || echo "the certificate $1 doesn't fit the key $2"
}

# Print what clients will complain about soon or now; nothing where all is well.
warning_of() {
    until=$(openssl x509 -in "$1" -noout -enddate | cut -d= -f2)
    if ! openssl x509 -in "$1" -noout -checkend 0 >/dev/null; then
        echo "the certificate $1 has expired on $until and clients refuse it"
    elif ! openssl x509 -in "$1" -noout -checkend "$SOON_SECONDS" >/dev/null; then
        echo "the certificate $1 expires on $until"
    fi
}

# Print what keeps the endpoint for workers from being served; nothing where it is off or all is well.
fault_of_worker_endpoint() {
    [ "$worker_endpoint" = on ] || return 0
    fault=$(fault_of "$certs_folder/worker-endpoint.crt" "$certs_folder/worker-endpoint.key")
    for file in "$certs_folder/ca.crt" "$certs_folder/ca.crl"; do
        [ -n "$fault" ] || [ -r "$file" ] || fault="$file is missing or can't be read by user $(id -u), group $(id -g)"
    done
    [ -z "$fault" ] || echo "QSERVER_WORKER_ENDPOINT is on, but $fault: run certs/private-ca.sh worker-endpoint on the host"
}

# Print the first fault of all that is to be served.
certificate_fault() {
    fault=$(fault_of "$certificate" "$key")
    if [ -n "$fault" ]; then
        echo "$fault: $remedy"
    else
        fault_of_worker_endpoint
    fi
}

# Warn once a day of what expires.
warn_of_expiry() {
    [ "${warned_on:-}" != "$(date -u +%F)" ] || return 0
    warned_on=$(date -u +%F)
    warning=$(warning_of "$certificate")
    [ -z "$warning" ] || say "$warning: $remedy"
    [ "$worker_endpoint" = on ] || return 0
    warning=$(warning_of "$certs_folder/worker-endpoint.crt")
    [ -z "$warning" ] || say "$warning: run certs/private-ca.sh worker-endpoint on the host"
}

# A number that changes with any file that nginx has read.
fingerprint() {
    {
        echo "$certificate"
        cat "$certificate" "$key"
        if [ "$worker_endpoint" = on ]; then
            cat "$certs_folder/worker-endpoint.crt" "$certs_folder/worker-endpoint.key" "$certs_folder/ca.crt" "$certs_folder/ca.crl"
        fi
    } 2>/dev/null | cksum
}

# Say a sentence that a loop would repeat.
say_once() {
    [ "${said_last:-}" = "$1" ] || say "$1"
    said_last=$1
}
