#!/usr/bin/env bash
# Three nodes, one PostgreSQL server and the simulator, which counts: 200 jobs,
# while the leader is killed, its successor frozen and the server restarted.
# Every job must be submitted exactly once and end, slots never exceed their
# limit, somebody lead again in time, and who follows the events, from node to
# node as they die, see each once.
# Usage: tests/postgres_server.sh tests/integration/cluster.sh FOLDER [JOBS
#          [KILLS]]
#   FOLDER   where tunerd and tunerd-simulator are
#   KILLS    how many leaders more are killed in the end, to see how long it
#            takes
set -euo pipefail

bin=$1
jobs=${2:-200}
kills=${3:-0}
slots=20
server=$(sed 's/.*host=//' <<<"$TUNERD_TEST_POSTGRES")
scratch=$(mktemp -d)
declare -A pid url

finish() {
  local code=$?
  for x in "${pid[@]}"; do
    kill -CONT "$x" 2>/dev/null || true
    kill -9 "$x" 2>/dev/null || true
    wait "$x" 2>/dev/null || true
  done
  if [ $code -ne 0 ]; then
    for x in "$scratch"/*.log; do
      echo "== ${x##*/}"
      grep -E 'WARNING|ERROR|CRITICAL|leads' "$x" | tail -n 40 || true
      tail -n 3 "$x"
    done >&2
  fi
  rm -rf "$scratch"
}
trap finish EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

sql() {
  psql -qAtX "$TUNERD_TEST_POSTGRES" -c "$1"
}

now() { # milliseconds
  date +%s%3N
}

# Waits up to $1 s for the command that follows.
within() {
  local until=$(($(now) + $1 * 1000))
  shift
  until "$@"; do
    [ "$(now)" -lt $until ] || return 1
    sleep 0.05
  done
}

# -- the nodes -----------------------------------------------------------------

start_simulator() {
  "$bin/tunerd-simulator" --port 0 --queue-ms 300 --run-ms 1500 --seed 7 \
    >"$scratch/simulator.log" 2>&1 &
  pid[simulator]=$!
  within 10 grep -qo 'http://[0-9.:]*' "$scratch/simulator.log" ||
    fail "no simulator"
  url[simulator]=$(grep -o 'http://[0-9.:]*' "$scratch/simulator.log" |
    head -n 1)
}

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) &&
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    :
  done
  echo "$port"
}

start() {
  local port
  port=$(free_port)
  url[$1]=http://127.0.0.1:$port
  echo "${url[$1]}" >"$scratch/$1.url"
  cat >"$scratch/$1.yaml" <<YAML
background:
  job_status_polling: {interval_seconds: 1}
tunerd:
  http: {listen: "127.0.0.1:$port"}
  storage: {url: "$TUNERD_TEST_POSTGRES", state_dir: "$scratch/$1"}
  cluster: {node: $1}
  logging: {format: text}
  sse: {heartbeat_seconds: 1}
  queue: {max_concurrent: $slots, user_max_concurrent: $slots}
  providers:
    replicate: {base_url: "${url[simulator]}/v1", token: any,
                version: "a/b:c", visibility_window_seconds: 2}
YAML
  "$bin/tunerd" --config "$scratch/$1.yaml" >>"$scratch/$1.log" 2>&1 &
  pid[$1]=$!
  within 30 curl -fs -o "$scratch/ready" "${url[$1]}/health/ready" ||
    fail "$1 is not ready"
}

leader() {
  sql "SELECT name FROM leases JOIN nodes ON incarnation = holder"
}

# Prints the epoch at which somebody else than $1 leads.
epoch_without() {
  sql "SELECT epoch FROM leases JOIN nodes ON incarnation = holder
       WHERE name <> '$1'"
}

another_leads() {
  [ -n "$(epoch_without "$1")" ]
}

# -- the load ------------------------------------------------------------------

submit() { # NODE NUMBER
  curl -fs -m 20 -o /dev/null -X POST \
    -H 'Content-Type: application/json' \
    "${url[$1]}/api/cloud/jobs/submit?provider=replicate" \
    -d "{\"user_id\": \"u$2\", \"idempotency_key\": \"k$2\",
         \"input\": {\"steps\": $2}}"
}

# Submits every $3rd job from $1 to $2 to $4.
submit_some() {
  local i
  for ((i = $1; i <= $2; i += $3)); do
    within 20 submit "$4" "$i" || fail "job $i is not accepted by $4"
  done
}

# Submits the jobs from $1 to $2 to the nodes that follow, in turn.
submit_all() {
  local from=$1 to=$2 waiting=() node
  shift 2
  for node in "$@"; do
    (trap - EXIT && submit_some "$from" "$to" $# "$node") &
    waiting+=($!)
    from=$((from + 1))
  done
  for node in "${waiting[@]}"; do
    wait "$node" || fail "a job is not accepted"
  done
}

# Kills the leader and starts it again. Sets `took` to the milliseconds until
# somebody else leads.
kill_leader() {
  local killed at
  killed=$(leader)
  at=$(now)
  kill -9 "${pid[$killed]}"
  wait "${pid[$killed]}" 2>/dev/null || true
  within 10 another_leads "$killed" || fail "nobody follows $killed"
  took=$(($(now) - at))
  start "$killed"
}

# Follows the events for ever: while a node says nothing, at another one.
follow() {
  local node last
  while true; do
    for node in a b c; do
      last=$(grep '^id:' "$scratch/stream" | tail -n 1 | tr -dc 0-9 || true)
      curl -sN -m 20 --connect-timeout 2 --speed-limit 1 --speed-time 3 \
        "$(cat "$scratch/$node.url")/api/events?last_event_id=${last:-0}" \
        >>"$scratch/stream" || true
      printf '\n\n' >>"$scratch/stream" # what was cut off ends here
    done
  done
}

# Prints the ids of the changes of jobs' states in the stream.
followed() {
  awk 'BEGIN { RS = ""; FS = "\n" }
    /job_status_changed/ {
      for (i = 1; i <= NF; i++)
        if (sub(/^id: */, "", $i))
          print $i
    }' "$scratch/stream"
}

logged() {
  sql "SELECT id FROM events WHERE type = 'job_status_changed' ORDER BY id"
}

all_followed() {
  [ "$(followed)" = "$(logged)" ]
}

completed() {
  sql "SELECT count(*) FROM jobs WHERE status = 'completed'"
}

all_completed() {
  [ "$(completed)" -eq "$jobs" ]
}

# -- what happens --------------------------------------------------------------

took=0
start_simulator
for x in a b c; do
  start $x
done
within 10 another_leads nobody || fail "nobody leads"
touch "$scratch/stream"
(trap - EXIT && follow 2>/dev/null) &
pid[follower]=$!
submit_all 1 $((jobs / 2)) a b c
kill_leader
echo "killed: $(leader) leads after $took ms," \
  "$(completed) of $jobs were completed"
[ $took -le 5000 ] || fail "too late"

frozen=$(leader)
others=$(tr -d "$frozen" <<<abc)
kill -STOP "${pid[$frozen]}"
at=$(now)
within 15 another_leads "$frozen" || fail "nobody follows $frozen"
echo "froze $frozen: $(leader) leads after $(($(now) - at)) ms"
submit_all $((jobs / 2 + 1)) $((jobs * 3 / 4)) "${others:0:1}" "${others:1:1}"
kill -CONT "${pid[$frozen]}"
within 10 grep -q 'This node leads no more' "$scratch/$frozen.log" ||
  fail "$frozen does not know that it was frozen"

tests=$(cd "$(dirname "$0")/.." && pwd)
"$tests/postgres_server.sh" --restart "$server"
submit_all $((jobs * 3 / 4 + 1)) "$jobs" a b c

leaving=$(leader)
others=$(tr -d "$leaving" <<<abc)
if [ -n "$leaving" ]; then
  kill -TERM "${pid[$leaving]}"
  wait "${pid[$leaving]}" || fail "$leaving ended with $?"
  at=$(now)
  within 10 another_leads "$leaving" || fail "nobody follows $leaving"
  echo "stopped $leaving: $(leader) leads after $(($(now) - at)) ms"
fi

within 120 all_completed || fail "only $(completed) of $jobs are completed:
$(sql "SELECT status, queue, count(*) FROM jobs GROUP BY 1, 2")"

within 30 all_followed || fail "events that were missed, or seen twice:
$(diff <(logged) <(followed) | head)"
echo "followed: $(followed | wc -l) events, each once"

times=()
for ((i = 0; i < kills; i++)); do
  kill_leader
  times+=("$took")
done
[ "$kills" -eq 0 ] ||
  echo "killed $kills times, ms:" \
    "$(printf '%s\n' "${times[@]}" | sort -n | xargs)"

# -- what came of it -----------------------------------------------------------

stats=$(curl -fs "${url[simulator]}/simulator/stats")
twice=$(jq '[.by_input[] | select(.created != 1)] | length' <<<"$stats")
created=$(jq '[.by_input[].created] | add' <<<"$stats")
most=$(jq '.active_max' <<<"$stats")
echo "jobs $jobs, created $created, inputs created twice $twice," \
  "active at most $most of $slots"
[ "$twice" -eq 0 ] && [ "$created" -eq "$jobs" ] || fail "not each job once"
[ "$most" -le $slots ] || fail "more slots than allowed"
[ "$(sql "SELECT count(*) - count(DISTINCT id) FROM events")" -eq 0 ] ||
  fail "an id of an event was given twice"
echo "passed"
