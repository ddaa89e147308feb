#!/bin/sh
# The schedule's table: at --batch 50 and --latency 0ms, beside a fixed interval that makes as many
# calls, and beside the one that costs least in J = mean delay + call_cost × calls per task.
#
#   sh tests/bench/schedule.sh [TRACE|world:KIND:SEED[:TASKS_PER_SECOND[b]]]…
#
# Without arguments: four invented gateways as the recorded ones are (a lone user, steady, in bursts,
# busy), and then what a decision costs with a million live tasks. Builds what it needs.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
[ -f "$build/CMakeCache.txt" ] || cmake --preset release >&2
cmake --build "$build" --target schedule_table schedule_speed >&2

if [ $# -gt 0 ]; then
  exec "$build/schedule_table" "$@"
fi
"$build/schedule_table" world:recorded:1:0.004 world:recorded:1:1 world:recorded:1:0.7b world:recorded:1:12
echo
"$build/schedule_speed" 1000000 50
"$build/schedule_speed" 1000000 100
