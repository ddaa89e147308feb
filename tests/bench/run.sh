#!/bin/sh
# Runs the benchmarks on programs that are built already; `sh tests/run.sh bench` builds them first.
#
#   sh tests/bench/run.sh [BUILD_FOLDER]      default: build/release
#
# Exit: 0 when every aim is met.
set -eu
cd "$(dirname "$0")/../.."
MJWATCHD_PROGRAMS=$(cd "${1:-build/release}" && pwd)
export MJWATCHD_PROGRAMS

for program in mjwatchd mjwatch mjwatch-gateway; do
  [ -x "$MJWATCHD_PROGRAMS/$program" ] || {
    echo "run.sh: $MJWATCHD_PROGRAMS/$program is not built" >&2
    exit 1
  }
done

code=0
printf '\n== How soon an end is passed on\n'
python3 -B tests/bench/latency.py || code=1
printf '\n== What many tasks cost\n'
python3 -B tests/bench/load.py || code=1
printf '\n== How fast the page is\n'
python3 -B tests/bench/page.py || [ $? = 77 ] || code=1
printf '\n== How fast webhooks go out\n'
cmake --build "$MJWATCHD_PROGRAMS" --target webhook_receiver bare_poster >&2
python3 -B tests/bench/webhooks.py || code=1
printf '\n== What saving pictures costs, beside aria2c and curl\n'
python3 -B tests/bench/pictures.py || code=1
printf '\n== How soon an end is noticed: measured beside simulated\n'
python3 -B tests/bench/noticing.py || code=1
printf '\n== How soon an end is noticed, and what deciding costs\n'
BUILD=$MJWATCHD_PROGRAMS sh tests/bench/schedule.sh || code=1
printf '\n== A million tasks on one machine\n'
cmake --build "$MJWATCHD_PROGRAMS" --target bench_clients bench_world bench_rows codec_speed >/dev/null
python3 -B tests/bench/million.py || code=1
printf '\n== Three daemons over one watch list in PostgreSQL\n'
python3 -B tests/bench/shared.py || code=1
exit $code
