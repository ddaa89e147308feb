#!/bin/sh
# Runs under valgrind's memcheck: the unit tests of core, gateway and store, some simulated worlds, and drivers from
# outside whose daemon and gateway run under it. Takes about half an hour of one core. Exit: 0 when it found nothing.
#
#   sh tests/valgrind.sh [DRIVER…]     tests/e2e/DRIVER_test.py; "delivery stop" unless said otherwise
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- delivery stop

sh daemon/install-packages.sh valgrind
cmake --preset valgrind -DMJWATCHD_TESTS=ON >/dev/null
cmake --build --preset valgrind --parallel "$(nproc)" \
  --target mjwatchd mjwatch-gateway sim test_core test_gateway test_store store_crash_writer
build=$PWD/build/valgrind
watch="valgrind -q --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect"
failed=0

# checked PROGRAM [ARGUMENT…]
checked() {
  echo "== $*"
  # The children of a test that kills them are not of interest.
  # shellcheck disable=SC2086 # $watch is a list
  $watch --child-silent-after-fork=yes --error-exitcode=9 "$@" || failed=$((failed + 1))
}
checked "$build/tests/test_core"
checked "$build/tests/test_gateway"
checked "$build/tests/test_store"
checked "$build/tests/sim/sim" --seeds 1..20

# In place of the programs: the same ones under valgrind, which writes what it finds beside them.
programs=$build/watched
rm -rf "$programs"
mkdir -p "$programs"
for name in mjwatchd mjwatch-gateway; do
  printf '#!/bin/sh\nexec %s --log-file="%s/%s.%%p.log" "%s/%s" "$@"\n' "$watch" "$programs" "$name" "$build" "$name" \
    >"$programs/$name"
  chmod +x "$programs/$name"
done
for driver in "$@"; do
  echo "== e2e: $driver"
  # As patient as with a sanitizer.
  MJWATCHD_PROGRAMS=$programs MJWATCHD_SANITIZE=valgrind python3 -B "tests/e2e/${driver}_test.py" ||
    failed=$((failed + 1))
done
ran=$(find "$programs" -name '*.log' | wc -l)
bad=$(find "$programs" -name '*.log' -size +0)
if [ -n "$bad" ]; then
  # shellcheck disable=SC2086 # a list
  cat $bad
  failed=$((failed + 1))
fi
echo "$ran daemons and gateways ran under valgrind; $failed of the runs found something"
[ "$failed" -eq 0 ] && [ "$ran" -gt 0 ]
