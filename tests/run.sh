#!/bin/sh
# Installs what is needed, builds, and runs every test: plainly, under AddressSanitizer and
# UndefinedBehaviorSanitizer, and what uses threads under ThreadSanitizer; checks layout and scripts.
# The last line is "N passed, N failed". Exit: 0 when none failed.
#
#   sh tests/run.sh           all of it
#   sh tests/run.sh quick     the plain build only
#   sh tests/run.sh bench     the benchmarks of tests/bench, on the plain build
#
# The long forms of what all of it runs in a short form (tests/README.md):
#   sh tests/run.sh sim [FROM..TO]           simulated worlds, 10,000 unless said otherwise
#   sh tests/run.sh chaos [TROUBLES] [TASKS] the real daemon killed, starved and lied to, 400 times
#   sh tests/run.sh soak [MINUTES]           a hundred times a normal day's rate with faults on, 20 minutes
#   sh tests/run.sh fuzz [SECONDS] [TARGET…] libFuzzer on each target, 600 seconds each
#   sh tests/run.sh valgrind [DRIVER…]       memcheck over core, gateway, store, 20 worlds and two end-to-end drivers
#   sh tests/run.sh coverage [ROOM…]         which lines the unit tests and the simulation never reach
#   sh tests/run.sh postgresql [DRIVER…]     the end-to-end tests with every daemon's store in PostgreSQL
set -eu
cd "$(dirname "$0")/.."

mode=${1:-all}
case $mode in
  all | quick | bench | sim | chaos | soak | fuzz | valgrind | coverage | postgresql) ;;
  *)
    echo "usage: sh tests/run.sh [quick|bench|sim|chaos|soak|fuzz|valgrind|coverage|postgresql]" >&2
    exit 2
    ;;
esac

jobs=$(nproc)
passed=0
failed=0
say() { printf '\n== %s\n' "$*"; }
count() {
  if [ "$1" -eq 0 ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $2"
  fi
}

# build PRESET [TARGET…]
build() {
  preset=$1
  shift
  say "Building: $preset"
  cmake --preset "$preset" -DMJWATCHD_TESTS=ON >"build/$preset-configure.log" 2>&1 || {
    cat "build/$preset-configure.log"
    return 1
  }
  if [ $# -gt 0 ]; then set -- --target "$@"; fi
  cmake --build --preset "$preset" --parallel "$jobs" "$@"
}

# run PRESET [CTEST OPTION…]: adds what ctest counted.
run() {
  preset=$1
  shift
  say "Testing: $preset"
  report=$PWD/build/$preset-tests.xml
  rm -f "$report"
  # Sanitizers want to place their shadow where a wide random layout may have put something else.
  # In sixths of a processor: end-to-end tests mostly wait (mjwatchd_takes).
  $fixed_layout ctest --preset "$preset" --parallel "$((6 * jobs))" --no-tests=error --output-junit "$report" "$@" || true
  if [ ! -s "$report" ]; then
    count 1 "ctest made no report for $preset"
    return 0
  fi
  ran=$(grep -c '<testcase .*status="run"' "$report" || true)
  bad=$(grep -cE '<testcase .*status="(fail|notrun)"' "$report" || true)
  # A test that says itself that it can't be made here: told loudly by ctest, and no failure.
  skipped=$(grep -c '<skipped message="SKIP_RETURN_CODE=' "$report" || true)
  bad=$((bad - skipped))
  [ "$skipped" -eq 0 ] || echo "SKIPPED: $skipped of $preset, listed above"
  passed=$((passed + ran))
  failed=$((failed + bad))
  [ $((ran + bad)) -gt 0 ] || count 1 "no test of $preset ran"
}

both() {
  preset=$1
  if build "$preset"; then run "$preset"; else count 1 "building $preset"; fi
}

say "Packages"
sh daemon/install-packages.sh tests
echo "All there."
mkdir -p build
fixed_layout=
if setarch "$(uname -m)" -R true 2>/dev/null; then fixed_layout="setarch $(uname -m) -R"; fi

[ $# -eq 0 ] || shift
case $mode in
  bench)
    sh daemon/install-packages.sh bench
    build release
    exec sh tests/bench/run.sh
    ;;
  sim)
    build release sim
    exec build/release/tests/sim/sim --seeds "${1:-0..9999}"
    ;;
  chaos)
    build release mjwatchd mjwatch-gateway mjwatchd_faults
    MJWATCHD_PROGRAMS=$PWD/build/release exec python3 -B tests/e2e/chaos_test.py --troubles "${1:-400}" --tasks "${2:-2000}"
    ;;
  soak)
    build release mjwatchd mjwatch-gateway
    MJWATCHD_PROGRAMS=$PWD/build/release exec python3 -B tests/e2e/soak.py --minutes "${1:-20}"
    ;;
  fuzz) exec sh tests/fuzz/run.sh "$@" ;;
  valgrind) exec sh tests/valgrind.sh "$@" ;;
  coverage) exec sh tests/coverage.sh "$@" ;;
  postgresql)
    build release
    export MJWATCHD_STORE=postgresql MJWATCHD_PROGRAMS="$PWD/build/release" MJWATCHD_NPM="$PWD/build/release/npm"
    if [ $# -eq 0 ]; then
      set -- client config crash delivery disk gateway health hostile kill metrics page pictures readme requests s3 secrets stop
    fi
    for driver in "$@"; do
      say "On PostgreSQL: $driver"
      code=0
      python3 -B "tests/e2e/${driver}_test.py" || code=$?
      if [ "$code" -eq 77 ]; then echo "SKIPPED: $driver"; else count "$code" "$driver on PostgreSQL"; fi
    done
    echo
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
    ;;
esac

both release

if [ "$mode" = all ]; then
  both asan
  # The rooms that use threads.
  if build tsan test_store test_images test_http; then
    run tsan --tests-regex '^test_(store|images|http)$'
  else
    count 1 "building tsan"
  fi
fi

say "Layout and scripts"
code=0
find include daemon tests -name '*.[ch]pp' -print0 | xargs -0 -r clang-format --dry-run -Werror || code=1
count $code "clang-format (clang-format -i FILE repairs it)"
code=0
for script in daemon/*.sh tests/*.sh tests/fuzz/*.sh .ci/run; do
  sh -n "$script" || code=1
  if command -v shellcheck >/dev/null 2>&1; then shellcheck "$script" || code=1; fi
done
count $code "the shell scripts"

echo
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
