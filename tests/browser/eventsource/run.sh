#!/bin/sh
# usage: run.sh BUILD
# Reads the streams of tunerd with the npm client eventsource. Needs Node.js
# and `npm ci --prefix tests/browser/eventsource`. Without them it says so and
# is skipped (77).
cd "$(dirname "$0")" || exit 1
if ! command -v node > /dev/null; then
  echo "skipped: there is no Node.js"
  exit 77
fi
if ! [ -d node_modules/eventsource ]; then
  echo "skipped: npm ci --prefix tests/browser/eventsource was not run"
  exit 77
fi
TUNERD_BUILD=$1 exec node --test --test-reporter=tap eventsource.test.js
