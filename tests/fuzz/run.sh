#!/bin/sh
# Fuzzes each target for a while with libFuzzer (clang), from its corpus on; what it gathers besides is kept
# under build/fuzz-corpus. What a target fails on is left in build/fuzz-findings: mend the bug, and put the
# file into tests/fuzz/TARGET, where every test run tries it again.
#
#   sh tests/fuzz/run.sh [SECONDS] [TARGET...]     600 seconds, all targets
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-600}
[ $# -eq 0 ] || shift
targets=$*
if [ -z "$targets" ]; then
  for file in tests/fuzz/*.cpp; do targets="$targets $(basename "$file" .cpp)"; done
fi

sh daemon/install-packages.sh fuzz
cmake --preset fuzz >/dev/null
failed=0
for target in $targets; do
  cmake --build --preset fuzz --parallel "$(nproc)" --target "fuzz_$target"
  mkdir -p "build/fuzz-corpus/$target" build/fuzz-findings
  echo "== $target, $seconds s"
  # libFuzzer ends with an error when it has found something.
  "build/fuzz/tests/fuzz_$target" -max_total_time="$seconds" -max_len=65536 -timeout=25 -rss_limit_mb=2048 \
    -print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz-findings/$target-" \
    "build/fuzz-corpus/$target" "tests/fuzz/$target" || failed=$((failed + 1))
done
echo "$failed of the targets found something"
[ "$failed" -eq 0 ]
