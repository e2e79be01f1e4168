#!/usr/bin/env bash
# Starts three nodes that share a private PostgreSQL server and the simulator as
# their provider, on this machine, and submits a few jobs. Ctrl-C ends
# everything and leaves nothing behind. Nothing costs money.
# Usage: deploy/cluster-demo.sh [--bin FOLDER]
#   --bin   where tunerd, tunerctl and tunerd-simulator are; build/release
set -euo pipefail
cd "$(dirname "$0")/.."

bin=build/release
if [ "${1:-}" = --bin ]; then
  bin=$2
  shift 2
fi
if [ ! -x "$bin/tunerd" ]; then
  echo "cluster-demo: no $bin/tunerd; deploy/run.sh makes it; --bin?" >&2
  exit 1
fi
if [ -z "${TUNERD_TEST_POSTGRES:-}" ]; then
  exec tests/postgres_server.sh "$0" --bin "$bin"
fi

scratch=$(mktemp -d)
pids=()
finish() {
  # In one go, so that nobody takes over at the end.
  kill -TERM "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 0' INT TERM

"$bin/tunerd-simulator" --port 8779 >"$scratch/simulator.log" 2>&1 &
pids+=($!)

port=8771
for node in a b c; do
  cat >"$scratch/$node.yaml" <<YAML
background:
  job_status_polling: {interval_seconds: 2}
tunerd:
  http: {listen: "127.0.0.1:$port"}
  storage: {url: "$TUNERD_TEST_POSTGRES", state_dir: "$scratch/$node"}
  cluster: {node: $node}
  logging: {format: text, file: "$scratch/$node.log"}
  providers:
    replicate: {base_url: "http://127.0.0.1:8779/v1", token: any,
                version: "simpletuner/simulator:demo"}
YAML
  "$bin/tunerd" --config "$scratch/$node.yaml" \
    >/dev/null 2>"$scratch/$node.err" &
  pids+=($!)
  eval "pid_$node=$!"
  ready=false
  for _ in $(seq 300); do
    if curl -fs -o /dev/null "http://127.0.0.1:$port/health/ready"; then
      ready=true
      break
    fi
    sleep 0.1
  done
  if ! $ready; then
    cat "$scratch/$node.err" >&2
    echo "cluster-demo: node $node does not start" >&2
    exit 1
  fi
  port=$((port + 1))
done

for i in 1 2 3 4 5 6; do
  printf '{"config_name": "demo", "user_id": "u%s", "input": {"steps": %s}}' \
    $i $i |
    "$bin/tunerctl" --url "http://127.0.0.1:$((8771 + i % 3))" submit - \
      >/dev/null
done

cat >&2 <<TEXT

  nodes:         a http://127.0.0.1:8771/  b :8772  c :8773
  who leads:     psql '$TUNERD_TEST_POSTGRES' -c 'TABLE leases' -c 'TABLE nodes'
  follow it:     tail -F $scratch/*.log | grep --line-buffered leads
  events of c:   curl -N http://127.0.0.1:8773/api/events
  kill a node:   kill -9 $pid_a    freeze one: kill -STOP $pid_b, then -CONT
Ctrl-C stops it.

TEXT
while true; do
  sleep 1 & wait $! || true
done
