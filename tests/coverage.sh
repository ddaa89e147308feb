#!/bin/sh
# Builds with counters, runs the unit tests and some simulated worlds, and says how many lines of each room
# they reach, and which they don't (build/coverage/uncovered.txt). With rooms, only their own tests are built and run.
#
#   sh tests/coverage.sh [ROOM…]
set -eu
cd "$(dirname "$0")/.."

sh daemon/install-packages.sh coverage
cmake --preset coverage >/dev/null
if [ $# -eq 0 ]; then
  cmake --build --preset coverage --parallel "$(nproc)"
  set -- core gateway store webhooks images control config http
  which="--label-regex unit|fuzz"
else
  targets=sim
  for room in "$@"; do
    targets="$targets test_$room"
    if [ "$room" = store ]; then targets="$targets test_postgres"; fi
  done
  # shellcheck disable=SC2086
  cmake --build --preset coverage --parallel "$(nproc)" --target $targets
  which="--tests-regex ^($(echo "$targets" | tr ' ' '|'))\$"
fi
find build/coverage -name '*.gcda' -delete
# shellcheck disable=SC2086
ctest --preset coverage --parallel "$((6 * $(nproc)))" --output-on-failure $which
build/coverage/tests/sim/sim --seeds 1..50

# reached NAME FILTER
reached() {
  printf '%-16s' "$1"
  gcovr --root . --filter "$2" --exclude-throw-branches --exclude-unreachable-branches \
    --gcov-ignore-parse-errors build/coverage | sed -n 's/^TOTAL *\([0-9]*\) *\([0-9]*\) .*/\2 of \1 lines/p'
}

for room in "$@"; do
  reached "$room" "daemon/$room/"
  if [ "$room" = store ]; then
    reached '  in a file' 'daemon/store/[^/]*$'
    reached '  in PostgreSQL' daemon/store/postgres/
  fi
done
gcovr --root . --filter 'daemon/(core|gateway|store|webhooks)/' --gcov-ignore-parse-errors build/coverage \
  >build/coverage/uncovered.txt
echo "Lines not reached, file by file: build/coverage/uncovered.txt"
