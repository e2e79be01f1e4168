#!/usr/bin/env bash
# Installs what tunerd needs to be built and tested on Debian 12. Says what is
# missing, installs only that, changes nothing else. Safe to run again.
# Usage: deploy/install-deps.sh [--browser]
#   --browser   also what the tests of page and streams need; tunerd is built
#               and otherwise tested without it, so a failure there is only said
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  g++ cmake ninja-build ccache git ca-certificates
  libcaf-dev nlohmann-json3-dev libcurl4-openssl-dev libyaml-cpp-dev catch2
  libboost1.81-dev libsqlite3-dev libpq-dev libssl-dev libcli11-dev libre2-dev
  curl jq logrotate
  postgresql-15 # for tests, which start a server of their own
)

is_installed() {
  local state
  state=$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null || true)
  [ "$state" = "install ok installed" ]
}

# Installs the packages that are named.
install() {
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "install-deps: run as root, or install sudo; missing: $*" >&2
      return 1
    }
    sudo=(sudo)
  fi
  echo "install-deps: installing $*"
  export DEBIAN_FRONTEND=noninteractive
  # Of PostgreSQL its programs only: no server that starts by itself.
  local clusters=/etc/postgresql-common/createcluster.conf is_ours=
  if [[ " $* " == *" postgresql-15 "* ]] && [ ! -e "$clusters" ]; then
    is_ours=1
    ${sudo[@]+"${sudo[@]}"} mkdir -p "${clusters%/*}"
    echo 'create_main_cluster = false' |
      ${sudo[@]+"${sudo[@]}"} tee "$clusters" >/dev/null
  fi
  ${sudo[@]+"${sudo[@]}"} apt-get update -q >/dev/null &&
    ${sudo[@]+"${sudo[@]}"} apt-get install -y -q --no-install-recommends "$@" \
      >/dev/null || return
  # Who installs it later for itself gets the usual cluster.
  [ -z "$is_ours" ] || ${sudo[@]+"${sudo[@]}"} rm -f "$clusters"
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  install "${missing[@]}"
  echo "install-deps: done"
else
  echo "install-deps: everything is installed"
fi
[ "${1:-}" = --browser ] || exit 0

# -- the browser test -----------------------------------------------------------

skip_browser() {
  echo "install-deps: the browser test will be SKIPPED: $*"
  exit 0
}

missing=()
command -v chromium >/dev/null || missing+=(chromium)
# Another source than Debian may have brought Node and npm in one package.
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
  install "${missing[@]}" || skip_browser "cannot install ${missing[*]}"
fi

# What npm installed last is written down beside what it installed.
npm_ci() {
  local installed=$1/node_modules/.package-lock.json
  if [ "$installed" -nt "$1/package-lock.json" ]; then
    return 0
  fi
  echo "install-deps: npm ci in $1"
  npm ci --prefix "$1" --no-audit --no-fund --loglevel=error >/dev/null &&
    touch "$installed"
}

npm_ci tests/browser/eventsource ||
  echo "install-deps: the test eventsource will be SKIPPED: npm cannot" \
    "install the client"
npm_ci tests/browser || skip_browser "npm cannot install playwright-core"
