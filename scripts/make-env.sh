#!/bin/sh
# Make .env, the file that `docker compose` reads secrets and sizes from: strong random passwords, and the box divided
# between its workers. What is set already stays. Passwords that services read are also written into files, which compose
# hands to those that need them. Needs nothing but a shell.
#
#   scripts/make-env.sh                            make it, or add what is missing
#   WORKERS=4 scripts/make-env.sh                  divide the box anew
#   GPUS=1 scripts/make-env.sh                     as many workers with a GPU each, beside them (compose.gpu.yml)
#   WORKER_ENDPOINT=on scripts/make-env.sh         let workers on other machines in (compose.worker-endpoint.yml)
#   DOMAIN=box.example.org scripts/make-env.sh     serve a name with a certificate of Let's Encrypt
#   scripts/make-env.sh --secrets                  only write the files of secrets anew
#   scripts/make-env.sh --check                    only say what is wrong
#   scripts/make-env.sh --value NAME               say what a variable is
#   scripts/make-env.sh --check-password USER      read a password, say what is wrong with it
set -eu
umask 077

cd "$(dirname -- "$0")/.."
file=${ENV_FILE:-.env}
# Read by compose beside compose.yml, unless .env says otherwise.
readonly DEFAULT_SECRETS=secrets
readonly LEAST_CHARACTERS=12 LEAST_DIFFERENT=6
readonly COMMON="password passwort changeme change-me secret qserver postgres rabbitmq guest admin"

fail() {
    printf 'make env: %s\n' "$1" >&2
    exit 1
}

# Say what is wrong with a password, as qserver/passwords.py does; nothing where it is strong.
# weakness USER PASSWORD
weakness() {
    if [ -z "$2" ]; then
        echo "is empty"
    elif [ "${#2}" -lt "$LEAST_CHARACTERS" ]; then
        echo "has ${#2} characters; the least is $LEAST_CHARACTERS"
    elif [ "$(printf '%s' "$2" | fold -w 1 | sort -u | wc -l)" -lt "$LEAST_DIFFERENT" ]; then
        echo "has fewer than $LEAST_DIFFERENT different characters"
    elif [ "$(printf '%s' "$2" | without_common "$1" | wc -c)" -lt $((LEAST_CHARACTERS / 2)) ]; then
        echo "is little more than a word that everybody tries first, or the user's name"
    fi
}

# Leave out of the input what everybody tries first, and the user's name.
without_common() {
    words="$1 $COMMON" awk '
        BEGIN { count = split(tolower(ENVIRON["words"]), words, " ") }
        {
            left = tolower($0)
            for (i = 1; i <= count; i++) {
                while ((at = index(left, words[i])) > 0) {
                    left = substr(left, 1, at - 1) substr(left, at + length(words[i]))
                }
            }
            printf "%s", left
        }'
}

# What the file says of a variable, without quotes; nothing where it isn't set. As in compose, the last line counts.
value_of() {
    [ -f "$file" ] || return 0
    sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1=//p" "$file" | tail -n 1 |
        sed -e 's/[[:space:]]*$//' -e "s/^'\(.*\)'\$/\1/" -e 's/^"\(.*\)"$/\1/'
}

is_named() {
    [ -f "$file" ] && grep -Eq "^[[:space:]]*(export[[:space:]]+)?$1=" "$file"
}

# set_value NAME VALUE: in the place where it stands, else at the end.
set_value() {
    if is_named "$1"; then
        name=$1 value=$2 awk '
            $0 ~ "^[[:space:]]*(export[[:space:]]+)?" ENVIRON["name"] "=" { print ENVIRON["name"] "=" ENVIRON["value"]; next }
            { print }' "$file" >"$file.new"
        mv "$file.new" "$file"
    else
        printf '%s=%s\n' "$1" "$2" >>"$file"
    fi
}

# add NAME VALUE [COMMENT]: only where it isn't set.
add() {
    [ -z "$(value_of "$1")" ] || return 0
    if [ -n "${3:-}" ] && ! is_named "$1"; then
        printf '\n# %s\n' "$3" >>"$file"
    fi
    set_value "$1" "$2"
    made="$made $1"
}

random_password() {
    password=$(LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 32)
    [ "${#password}" -eq 32 ] || fail "/dev/urandom gave no password"
    printf '%s' "$password"
}

check_user() {
    case $(value_of "$1") in
    '' | *[!A-Za-z0-9_-]*) fail "$1 in $file must be a name of letters, digits, _ and -" ;;
    esac
}

# Fail where compose reads another value than what stands there: without single quotes, $ begins a variable.
require_literal() {
    line=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1=//p" "$file" | tail -n 1)
    case $line in
    \'*) ;;
    *\$*) fail "$1 in $file holds a \$, which compose takes for the beginning of a variable: put the value between single quotes" ;;
    esac
}

# check_password NAME USER_NAME
check_password() {
    require_literal "$1"
    found=$(weakness "$(value_of "$2")" "$(value_of "$1")")
    [ -z "$found" ] ||
        fail "$1 in $file $found. Write a better one there, or remove the line and run make env again. A database that has it already is told by: docs/howto/deploy.md#change-a-password"
}

# As proxy/settings.sh does.
check_domain() {
    printf '%s\n' "$1" |
        grep -Eqx '([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*)?' ||
        fail "DOMAIN is '$1'; it must be a name such as box.example.org, without https:// and without a port"
}

check() {
    [ -f "$file" ] || fail "there is no $file: run make env"
    for user in DB_ROOT_USER DB_USERNAME RABBITMQ_USER; do
        check_user "$user"
    done
    [ "$(value_of DB_ROOT_USER)" != "$(value_of DB_USERNAME)" ] ||
        fail "DB_USERNAME and DB_ROOT_USER in $file are the same: services work in a lesser role than the tables' owner"
    check_domain "$(value_of DOMAIN)"
    check_password DB_ROOT_PASSWORD DB_ROOT_USER
    check_password DB_PASSWORD DB_USERNAME
    check_password RABBITMQ_PASSWORD RABBITMQ_USER
    check_admin_key
    [ -z "$(value_of GRAFANA_PASSWORD)" ] || check_password GRAFANA_PASSWORD GRAFANA_USER
    check_worker DB_WORKER_USERNAME DB_WORKER_PASSWORD DB_USERNAME DB_ROOT_USER
    check_worker RABBITMQ_WORKER_USER RABBITMQ_WORKER_PASSWORD RABBITMQ_USER
    each_secret check_secret
}

# As qserver/access/keys.py does.
check_admin_key() {
    printf '%s\n' "$(value_of QSERVER_ADMIN_KEY)" | grep -Eqx '(qserver_[A-Za-z0-9_-]{32,})?' ||
        fail "QSERVER_ADMIN_KEY in $file must be qserver_ and at least 32 random letters and digits: remove the line and run make env again"
}

# check_worker USER_NAME PASSWORD_NAME OTHER_USER_NAME...: what workers on other machines are, where that is set.
check_worker() {
    [ -n "$(value_of "$1")" ] || return 0
    user=$1
    check_user "$user"
    check_password "$2" "$user"
    shift 2
    for other in "$@"; do
        [ "$(value_of "$user")" != "$(value_of "$other")" ] ||
            fail "$user and $other in $file are the same: workers on other machines may do less than the box's own services"
    done
}

secrets_folder() {
    folder=$(value_of SECRETS_FOLDER)
    printf '%s' "${folder:-$DEFAULT_SECRETS}"
}

# each_secret COMMAND: call it with a file's name and the variable that is its content.
each_secret() {
    "$1" database_password DB_PASSWORD
    "$1" database_owner_password DB_ROOT_PASSWORD
    "$1" broker_password RABBITMQ_PASSWORD
    "$1" admin_key QSERVER_ADMIN_KEY
    "$1" database_worker_password DB_WORKER_PASSWORD
    "$1" broker_worker_password RABBITMQ_WORKER_PASSWORD
}

# Users in containers have other ids than ours: they may read the files, and nobody on this machine may enter the folder.
write_secrets() {
    if [ "$file" != .env ] && [ -z "$(value_of SECRETS_FOLDER)" ]; then
        set_value SECRETS_FOLDER "$(cd "$(dirname -- "$file")" && pwd)/$DEFAULT_SECRETS"
    fi
    mkdir -p "$(secrets_folder)" && chmod 700 "$(secrets_folder)" || fail "$(secrets_folder) can't be written"
    changed=
    each_secret write_secret
    # Part of the containers' settings, so that compose makes anew those that have read another secret.
    if [ -n "$changed" ] || [ -z "$(value_of SECRETS_CHANGED)" ]; then
        set_value SECRETS_CHANGED "$(date -u +%Y%m%dT%H%M%SZ)"
    fi
}

is_written() {
    [ -f "$(secrets_folder)/$1" ] && [ "$(cat "$(secrets_folder)/$1")" = "$(value_of "$2")" ]
}

write_secret() {
    if [ -n "$(value_of "$2")" ] && ! is_written "$1" "$2"; then
        printf '%s' "$(value_of "$2")" >"$(secrets_folder)/$1.new"
        chmod 444 "$(secrets_folder)/$1.new"
        mv -f "$(secrets_folder)/$1.new" "$(secrets_folder)/$1"
        changed=yes
    fi
}

check_secret() {
    [ -z "$(value_of "$2")" ] || is_written "$1" "$2" ||
        fail "$(secrets_folder)/$1 doesn't hold $2 of $file: run make env"
}

cores() {
    getconf _NPROCESSORS_ONLN 2>/dev/null || nproc
}

memory_mib() {
    awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo
}

# Names and addresses of this machine, parted by commas: what people type into their browser.
own_names() {
    name=$(hostname 2>/dev/null || cat /etc/hostname)
    addresses=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -E '^[0-9.]+$' | grep -v '^172\.1[789]\.' || true)
    # shellcheck disable=SC2086
    printf '%s\n' "$name" "$name.local" "$name.lan" $addresses | sort -u | tr '\n' ',' | sed 's/,$//'
}

require_number() {
    case $2 in
    *[!0-9]* | ????*) fail "$1 is '$2'; it must be a number from $3 to $4" ;;
    esac
    if [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ]; then
        fail "$1 is $2; it must be from $3 to $4"
    fi
}

divide_box() {
    if [ -n "${WORKERS:-}" ]; then
        require_number WORKERS "$WORKERS" 1 999
        set_value WORKER_REPLICAS "$WORKERS"
    fi
    if [ -n "${GPUS:-}" ]; then
        require_number GPUS "$GPUS" 0 4
        set_value GPUS "$GPUS"
    fi
    if [ -n "${WORKERS:-}${GPUS:-}" ]; then
        set_value WORKER_CPUS ""
        set_value WORKER_MEMORY ""
    fi
    replicas=$(value_of WORKER_REPLICAS)
    replicas=${replicas:-2}
    gpus=$(value_of GPUS)
    gpus=${gpus:-0}
    require_number WORKER_REPLICAS "$replicas" 0 999
    require_number GPUS "$gpus" 0 4
    parts=$((replicas + gpus))
    [ "$parts" -gt 0 ] || fail "WORKER_REPLICAS and GPUS in $file are both 0: nobody would run a job"
    add WORKER_REPLICAS "$replicas" "Workers, and the part of this box's cores and memory that each of them may use."
    add WORKER_CPUS "$(awk "BEGIN { printf \"%.2f\", $(cores) / $parts }")"
    # A quarter, at least 1.5 GiB, is for the other services and the system.
    add WORKER_MEMORY "$(awk "BEGIN { all = $(memory_mib); rest = all / 4 < 1536 ? 1536 : all / 4
        each = int((all - rest) / $parts); print (each < 512 ? 512 : each) \"m\" }")"
}

# Which compose files belong to this box, so that a plain `docker compose up -d` takes them.
choose_files() {
    [ -n "${GPUS:-}${WORKER_ENDPOINT:-}" ] || return 0
    files=compose.yml
    [ "$gpus" -eq 0 ] || files=$files:compose.gpu.yml
    case ${WORKER_ENDPOINT:-} in
    on) files=$files:compose.worker-endpoint.yml ;;
    off) ;;
    '') case $(value_of COMPOSE_FILE) in *worker-endpoint*) files=$files:compose.worker-endpoint.yml ;; esac ;;
    *) fail "WORKER_ENDPOINT is '$WORKER_ENDPOINT'; it must be on or off" ;;
    esac
    # Files of the box's own stay, after ours.
    for other in $(value_of COMPOSE_FILE | tr ':' ' '); do
        case $other in
        compose.yml | compose.gpu.yml | compose.worker-endpoint.yml) ;;
        *) files=$files:$other ;;
        esac
    done
    set_value COMPOSE_FILE "$files"
    if [ "$gpus" -gt 0 ]; then
        profiles=$(value_of COMPOSE_PROFILES | tr ',' '\n' | grep -v '^gpus-' | tr '\n' ',')
        set_value COMPOSE_PROFILES "${profiles}gpus-$gpus"
    fi
    case $files in
    *worker-endpoint*)
        add DB_WORKER_USERNAME qserver_worker "What workers on other machines may be in Postgres and in RabbitMQ."
        add DB_WORKER_PASSWORD "$(random_password)"
        add RABBITMQ_WORKER_USER qserver_worker
        add RABBITMQ_WORKER_PASSWORD "$(random_password)"
        ;;
    esac
}

make() {
    made=
    if [ ! -f "$file" ]; then
        printf '# Secrets and sizes of this box, read by docker compose. Made by `make env`; keep it to yourself, and in your backup.\n# What else may stand here: docs/howto/deploy.md and .env.example\n' >"$file" ||
            fail "$file can't be written"
    fi
    chmod 600 "$file"
    # What is added would else join a last line that has no end.
    [ -z "$(tail -c 1 "$file")" ] || echo >>"$file"
    add DB_ROOT_USER qserver_owner "Postgres: who owns the tables and migrates them, and the lesser role of the services."
    add DB_ROOT_PASSWORD "$(random_password)"
    add DB_USERNAME qserver
    add DB_PASSWORD "$(random_password)"
    add RABBITMQ_USER qserver "RabbitMQ"
    add RABBITMQ_PASSWORD "$(random_password)"
    add QSERVER_ADMIN_KEY "qserver_$(random_password)$(random_password)" \
        "The administrator's first key: Authorization: Bearer <key>. Another one here replaces it at the next start."
    add GRAFANA_PASSWORD "$(random_password)" "Grafana (docker compose --profile observability), user admin"
    if [ -n "${DOMAIN:-}" ]; then
        check_domain "$DOMAIN"
        set_value DOMAIN "$DOMAIN"
    fi
    if [ -n "$(value_of DOMAIN)" ]; then
        add LETSENCRYPT_FOLDER /etc/letsencrypt "Where certbot keeps the certificates of DOMAIN."
    fi
    add ALLOWED_HOSTS "$(own_names)" "Names and addresses that browsers may ask this box by, beside localhost and DOMAIN."
    divide_box
    choose_files
    write_secrets
    check
    if [ -n "$made" ]; then
        echo "$file: set$made"
    else
        echo "$file: nothing was missing"
    fi
}

case ${1:-} in
'') make ;;
--secrets) write_secrets ;;
--check) check ;;
--value) value_of "$2" ;;
--check-password) weakness "$2" "$(cat)" ;;
*) sed -n 's/^#   //p' "$0" >&2 && exit 2 ;;
esac
