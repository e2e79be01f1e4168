#!/usr/bin/env bash
# Installs what is missing, builds with sanitizers and runs every test.
# Usage: deploy/test.sh [CTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/install-deps.sh
cmake --preset dev >/dev/null
cmake --build --preset dev

# Most integration tests wait, so four run on two cores.
code=0
SECONDS=0
ctest --preset dev -j 4 "$@" || code=$?
echo "tests took $SECONDS s"

# Catch counts the cases inside each of CTest's entries; tidy has none.
awk '
  /^All tests passed \(.* in [0-9]+ test case/ { passed += $(NF - 2) }
  /^test cases:/ {
    for (i = 2; i <= NF; i++) {
      if ($i == "passed") passed += $(i - 1)
      if ($i == "failed") failed += $(i - 1)
    }
  }
  END { printf "%d passed, %d failed\n", passed, failed }
' build/dev/Testing/Temporary/LastTest.log
exit $code
