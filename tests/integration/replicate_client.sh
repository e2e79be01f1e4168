#!/bin/sh
# usage: replicate_client.sh SIMULATOR
# Runs Replicate's own client against the simulator. Needs Node.js and, on
# NODE_PATH, the package: npm install --prefix DIR replicate@1, then
# NODE_PATH=DIR/node_modules. Without them it says so and is skipped (77).
cd "$(dirname "$0")" || exit 1
if ! command -v node > /dev/null; then
  echo "skipped: there is no Node.js"
  exit 77
fi
if ! node -e 'require("replicate")' 2> /dev/null; then
  echo "skipped: the npm package replicate is not on NODE_PATH"
  exit 77
fi
exec timeout 60 node replicate_client.mjs "$1"
