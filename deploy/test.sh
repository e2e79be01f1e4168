#!/usr/bin/env bash
# Installs what is missing, builds with sanitizers and runs every test.
# Usage: deploy/test.sh [CTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/install-deps.sh --browser
cmake --preset dev >/dev/null
cmake --build --preset dev

# Most integration tests wait, so four run on two cores.
code=0
SECONDS=0
ctest --preset dev -j 4 "$@" || code=$?
echo "tests took $SECONDS s"

ctest --preset dev -N -L browser | grep -q 'Total Tests: 0' &&
  echo "the browser test was SKIPPED: no chromium, Node or playwright-core"

# Catch counts the cases inside each of CTest's entries, and so does Node's test
# runner; tidy has none.
awk '
  /^All tests passed \(.* in [0-9]+ test case/ { passed += $(NF - 2) }
  /^test cases:/ {
    for (i = 2; i <= NF; i++) {
      if ($i == "passed") passed += $(i - 1)
      if ($i == "failed") failed += $(i - 1)
    }
  }
  /^# pass [0-9]+$/ { passed += $3 }
  /^# fail [0-9]+$/ { failed += $3 }
  END { printf "%d passed, %d failed\n", passed, failed }
' build/dev/Testing/Temporary/LastTest.log
exit $code
