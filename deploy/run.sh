#!/usr/bin/env bash
# Installs what is missing, builds tunerd and starts it with the Replicate
# simulator and a small demo load. Runs until Ctrl-C.
# Usage: deploy/run.sh [--no-demo] [TUNERD ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."

demo=true
arguments=()
listen=127.0.0.1:8770
while [ $# -gt 0 ]; do
  case "$1" in
    --no-demo) demo=false ;;
    --listen) listen=${2:?HOST:PORT}; shift ;;
    --listen=*) listen=${1#--listen=} ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
url=http://$listen

# Standard output is the log's alone.
{
  deploy/install-deps.sh
  # Another compiler may warn of more; that is no reason not to run.
  cmake --preset release -DTUNERD_BUILD_TESTS=OFF -DTUNERD_WERROR=OFF
  cmake --build --preset release
} >&2
bin=build/release

# Whoever answers there now is not ours, and may spend real money.
if curl -s -o /dev/null "$url/health/live"; then
  echo "run: something listens on $url already; try --listen 127.0.0.1:8771" >&2
  exit 1
fi

# The simulator forgets its jobs when it stops, so the demo forgets them too.
scratch=
if [ -z "${SIMPLETUNER_STATE_DIR:-}" ]; then
  scratch=$(mktemp -d)
  export SIMPLETUNER_STATE_DIR=$scratch
fi

# A demo shall be quick (simulated jobs take five seconds) and show every step.
export SIMPLETUNER_JOB_POLL_INTERVAL=${SIMPLETUNER_JOB_POLL_INTERVAL:-2}
export SIMPLETUNER_LOG_LEVEL=${SIMPLETUNER_LOG_LEVEL:-DEBUG}

$bin/tunerd --simulate --listen "$listen" ${arguments[@]+"${arguments[@]}"} &
tunerd=$!
finish() {
  kill -TERM $tunerd 2>/dev/null || true
  wait $tunerd 2>/dev/null || true
  [ -z "$scratch" ] || rm -rf "$scratch"
}
trap finish EXIT
trap 'kill -TERM $tunerd 2>/dev/null || true' INT TERM

ready=false
for _ in $(seq 300); do
  kill -0 $tunerd 2>/dev/null || break
  curl -fsS -o /dev/null "$url/health/ready" 2>/dev/null && ready=true && break
  sleep 0.1
done

if $ready; then
  if $demo; then
    for user in ada ada ben ben cleo cleo; do
      printf '{"config_name": "demo", "user_id": "%s", "input": {"user": "%s", "steps": 10}}' \
        "$user" "$user" | $bin/tunerctl --url "$url" submit - >/dev/null
    done
  fi
  cat >&2 <<TEXT

  look at it:    $url/
  watch it:      curl -N $url/api/events
  ask it:        $bin/tunerctl --url $url jobs
  submit a job:  echo '{"input": {"steps": 10}}' | $bin/tunerctl --url $url submit -
Ctrl-C stops it.

TEXT
fi

# A signal cuts the wait short; the end of tunerd says how it ended.
code=0
while kill -0 $tunerd 2>/dev/null; do
  wait $tunerd && code=0 || code=$?
done
exit $code
