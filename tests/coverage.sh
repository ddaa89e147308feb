#!/bin/sh
# Builds with counters, runs the unit tests and some simulated worlds, and says how many lines of each room
# they reach, and which they don't (build/coverage/uncovered.txt).
#
#   sh tests/coverage.sh
set -eu
cd "$(dirname "$0")/.."

sh daemon/install-packages.sh coverage
cmake --preset coverage >/dev/null
cmake --build --preset coverage --parallel "$(nproc)"
find build/coverage -name '*.gcda' -delete
ctest --preset coverage --parallel "$(nproc)" --label-regex 'unit|fuzz' --output-on-failure
build/coverage/tests/sim/sim --seeds 1..50

for room in core gateway store webhooks images control config http; do
  printf '%-10s' "$room"
  gcovr --root . --filter "daemon/$room/" --exclude-throw-branches --exclude-unreachable-branches \
    --gcov-ignore-parse-errors build/coverage | sed -n 's/^TOTAL *\([0-9]*\) *\([0-9]*\) *\([0-9]*%\).*/\3 of \1 lines/p'
done
gcovr --root . --filter 'daemon/(core|gateway|store|webhooks)/' --gcov-ignore-parse-errors build/coverage \
  >build/coverage/uncovered.txt
echo "Lines not reached, file by file: build/coverage/uncovered.txt"
