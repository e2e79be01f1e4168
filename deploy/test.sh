#!/usr/bin/env bash
# Installs what is missing, builds with sanitizers and runs every test.
# Usage: deploy/test.sh [CTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/install-deps.sh
cmake --preset dev >/dev/null
cmake --build --preset dev
ctest --preset dev -j 2 "$@"
