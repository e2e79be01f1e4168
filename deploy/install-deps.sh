#!/usr/bin/env bash
# Installs what tunerd needs to be built and tested on Debian 12. Says what is
# missing, installs only that, changes nothing else. Safe to run again.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache git ca-certificates
  libcaf-dev nlohmann-json3-dev libcurl4-openssl-dev libyaml-cpp-dev catch2
  libboost1.81-dev libsqlite3-dev libssl-dev libcli11-dev libre2-dev
  curl jq logrotate
)

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$state" = "install ok installed" ] || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
  echo "install-deps: everything is installed"
  exit 0
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "install-deps: run as root, or install sudo; missing: ${missing[*]}" >&2
    exit 1
  }
  sudo=(sudo)
fi

echo "install-deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -q >/dev/null
"${sudo[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
echo "install-deps: done"
