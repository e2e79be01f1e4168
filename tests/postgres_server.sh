#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, which listens on a Unix
# socket in a temporary folder only; both are gone afterwards. The command finds
# its URL in TUNERD_TEST_POSTGRES. Exit code 77 if PostgreSQL is not installed.
# Usage: tests/postgres_server.sh COMMAND [ARGUMENTS]
#        tests/postgres_server.sh --restart FOLDER   from inside of COMMAND
set -euo pipefail

bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null |
  sort -V | tail -n 1)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ]; then
  echo "SKIPPED: PostgreSQL is not installed; see deploy/install-deps.sh"
  exit 77
fi

restart=false
if [ "${1:-}" = --restart ]; then
  restart=true
  folder=$2
else
  folder=$(mktemp -d "${TMPDIR:-/tmp}/tunerd-pg-XXXXXX")
fi
as_owner=()
if [ "$(id -u)" -eq 0 ]; then # the server refuses to be root
  chown postgres "$folder"
  as_owner=(setpriv --reuid postgres --regid postgres --clear-groups)
fi

# The server must not see what only the tests are to see.
server() {
  (cd "$folder" && env -i PATH="$bin:$PATH" LC_ALL=C \
    ${as_owner[@]+"${as_owner[@]}"} "$@")
}

start() {
  server pg_ctl -D "$folder/data" -l "$folder/log" -w -t 30 -o "-k $folder \
    -c listen_addresses='' -c unix_socket_permissions=0777 -c fsync=off \
    -c full_page_writes=off -c max_connections=50 -c autovacuum=off" \
    start >/dev/null || {
    cat "$folder/log" >&2
    exit 1
  }
}

if $restart; then
  server pg_ctl -D "$folder/data" -m fast -w stop >/dev/null
  sleep 1
  start
  exit 0
fi

stop() {
  server pg_ctl -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Nothing here has to survive a power cut.
server initdb -D "$folder/data" -U tunerd -A trust -E UTF8 --locale=C \
  --no-sync >/dev/null
start
chmod 0755 "$folder"

export TUNERD_TEST_POSTGRES="postgresql://tunerd@/postgres?host=$folder"
"$@"
