#!/bin/sh
# Builds mjwatchd and runs its main job.
#
#   sh daemon/run.sh
#       against a stand-in gateway: registers a dozen tasks, shows them progress, kills the daemon in
#       the middle and starts it again, saves their pictures, delivers signed webhooks to a receiver
#       that verifies them, and ends with a table.
#   sh daemon/run.sh --gateway URL --token-file FILE [--prefix /mj] [--auth bearer|mj-api-secret] ID…
#       the same with tasks of your own, without killing anything.
#
# Exit: 0 when every task has its picture and a verified delivery, 1 when not, 2 for wrong usage.
set -eu
cd_from=$PWD
cd "$(dirname "$0")/.."
root=$PWD

usage() {
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$root/daemon/run.sh"
}
refuse() {
  echo "run.sh: $1" >&2
  echo "Try: sh daemon/run.sh --help" >&2
  exit 2
}

gateway='' token_file='' prefix=/mj auth=bearer ids=''
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      usage
      exit 0
      ;;
    --gateway | --token-file | --prefix | --auth)
      [ $# -ge 2 ] || refuse "$1 needs a value"
      case $1 in
        --gateway) gateway=$2 ;;
        --token-file) token_file=$2 ;;
        --prefix) prefix=$2 ;;
        --auth) auth=$2 ;;
      esac
      shift
      ;;
    -*) refuse "$1 is not an option" ;;
    *[!A-Za-z0-9_.:-]*) refuse "\"$1\" is not a task id: only letters, digits and _ . : - may be in one" ;;
    *) ids="$ids $1" ;;
  esac
  shift
done
demo=yes
if [ -n "$gateway$token_file$ids" ]; then
  demo=no
  [ -n "$gateway" ] || refuse "--gateway is missing"
  [ -n "$token_file" ] || refuse "--token-file is missing"
  [ -n "$ids" ] || refuse "name at least one task id"
  case $token_file in /*) ;; *) token_file=$cd_from/$token_file ;; esac
  [ -r "$token_file" ] || refuse "$token_file can't be read"
  case "$gateway$prefix$auth" in *[\"\\]*) refuse "quotes and backslashes can't be part of a URL" ;; esac
fi

say() { printf '\n== %s\n' "$*"; }

say "Packages"
sh daemon/install-packages.sh
echo "All there."
say "Building"
cmake --preset release -DMJWATCHD_TESTS=OFF >/dev/null
cmake --build --preset release --target mjwatchd mjwatch mjwatch-gateway
bin=$root/build/release

kept=$root/build/demo
[ "$demo" = yes ] || kept=$root/build/tasks
pictures=$kept/pictures
[ "$demo" = no ] || rm -rf "$kept"
mkdir -p "$pictures"
work=$(mktemp -d)
gateway_pid='' receiver_pid='' daemon_pid=''

# Ends one program and waits for it; the shell must not tell of the killed ones.
end() {
  [ -n "$2" ] || return 0
  kill "-$1" "$2" 2>/dev/null || true
  wait "$2" 2>/dev/null || true
}
clean_up() {
  trap '' INT TERM
  end TERM "$daemon_pid"
  end TERM "$receiver_pid"
  end TERM "$gateway_pid"
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  echo "run.sh: $1" >&2
  if [ -s "${2:-}" ]; then
    echo "The end of $2:" >&2
    tail -n 15 "$2" >&2
  fi
  exit 1
}

# Waits until a program has said where it listens, and puts that into $address.
address_of() {
  tries=0
  while ! address=$(sed -n 's/^listening on \(http:[^ ]*\).*/\1/p' "$2" | head -n 1) || [ -z "$address" ]; do
    kill -0 "$1" 2>/dev/null || fail "a helper program did not start" "$2"
    tries=$((tries + 1))
    [ $tries -lt 200 ] || fail "a helper program did not start in time" "$2"
    sleep 0.05
  done
}

start_daemon() {
  "$bin/mjwatchd" --config "$work/mjwatchd.yaml" >>"$kept/mjwatchd.log" 2>&1 &
  daemon_pid=$!
  tries=0
  until "$bin/mjwatch" --socket "$work/mjwatchd.sock" status >/dev/null 2>&1; do
    kill -0 "$daemon_pid" 2>/dev/null || fail "mjwatchd did not start" "$kept/mjwatchd.log"
    tries=$((tries + 1))
    [ $tries -lt 300 ] || fail "mjwatchd did not start in time" "$kept/mjwatchd.log"
    sleep 0.1
  done
}

umask 077
: >"$kept/mjwatchd.log"
printf 'whsec_%s\n' "$(head -c 32 /dev/urandom | base64 | tr -d '\n')" >"$work/receiver.secret"
max_gap=60s call_cost=2s
if [ "$demo" = yes ]; then
  ids='1712158011464901 1712158011464902 1712158011464903 1712158011464904 1712158011464905 1712158011464906
    1712158011464907 1712158011464908 1712158011464909 1712158011464910 1712158011464911 1712158011464912'
  head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$work/gateway.token"
  echo >>"$work/gateway.token"
  token_file=$work/gateway.token
  "$bin/mjwatch-gateway" --port 0 --token-file "$token_file" --make-up-unknown --speed 5x --picture png \
    >"$kept/gateway.log" 2>&1 &
  gateway_pid=$!
  address_of "$gateway_pid" "$kept/gateway.log"
  gateway=$address
  # Its tasks run five times as fast as real ones, so the daemon looks oftener too.
  max_gap=5s call_cost=250ms
fi
"$bin/mjwatch" listen 0 --secret-file "$work/receiver.secret" >"$kept/receiver.log" 2>&1 &
receiver_pid=$!
address_of "$receiver_pid" "$kept/receiver.log"

cat >"$work/mjwatchd.yaml" <<END
state_dir: "$work/state"
control:
  socket: "$work/mjwatchd.sock"
gateways:
  gateway:
    url: "$gateway"
    prefix: "$prefix"
    auth: "$auth"
    token_file: "$token_file"
    call_cost: $call_cost
watch:
  max_gap: $max_gap
images:
  directory: "$pictures"
  name: "{id}{suffix}{ext}"
  keep_free: 64MiB
webhooks:
  default: [receiver]
  retry: [1s, 2s, 5s, 10s, 30s, 1m]
  endpoints:
    receiver:
      url: "$address/hook"
      secret_file: "$work/receiver.secret"
log:
  format: text
END
mkdir -p "$work/state"
"$bin/mjwatchd" --config "$work/mjwatchd.yaml" --check || fail "the configuration made from your options is refused, see above"

say "Starting mjwatchd, asking $gateway"
start_daemon
watch() { "$bin/mjwatch" --socket "$work/mjwatchd.sock" "$@"; }
# shellcheck disable=SC2086 # a list of checked ids
watch add $ids

say "Waiting for the tasks"
code=0
if [ "$demo" = yes ]; then
  # shellcheck disable=SC2086
  watch wait --timeout 5s $ids || code=$?
  [ $code -eq 0 ] || [ $code -eq 3 ] || [ $code -eq 4 ] || fail "waiting failed (exit $code)" "$kept/mjwatchd.log"
  say "Killing mjwatchd (kill -9) in the middle of its work, and starting it again"
  end KILL "$daemon_pid"
  start_daemon
  echo "It is back, and knows all its tasks."
  code=0
  # shellcheck disable=SC2086
  watch wait --timeout 3m $ids || code=$?
else
  # shellcheck disable=SC2086
  watch wait $ids || code=$?
fi
case $code in
  0) ;;
  3) echo "Some tasks ended without success." ;;
  4) echo "Some tasks did not end in time." ;;
  *) fail "waiting failed (exit $code)" "$kept/mjwatchd.log" ;;
esac

# A line of the receiver: time, type, task, webhook-id, verdict.
delivery_of() {
  awk -v id="$1" '$3 == id && $5 == "verified" && $2 ~ /^task\.(succeeded|failed|cancelled|expired|lost)$/ {
    print $2, $4; exit }' "$kept/receiver.log"
}
picture_of() {
  for file in "$pictures/$1".* "$pictures/$1"_*; do
    [ -s "$file" ] && printf '%s\n' "$file" && return 0
  done
  return 0
}

# Webhooks may be on their way still.
tries=0
while [ $tries -lt 300 ]; do
  open=0
  for id in $ids; do
    [ -n "$(delivery_of "$id")" ] || open=$((open + 1))
  done
  [ $open -gt 0 ] || break
  tries=$((tries + 1))
  sleep 0.1
done

say "What came of it"
good=0 total=0
printf '%-20s %-34s %9s  %s\n' TASK PICTURE BYTES DELIVERY
for id in $ids; do
  total=$((total + 1))
  picture=$(picture_of "$id")
  delivery=$(delivery_of "$id")
  bytes='-' shown='none'
  if [ -n "$picture" ]; then
    bytes=$(wc -c <"$picture" | tr -d ' ')
    shown=${picture#"$root"/}
  fi
  if [ -n "$picture" ] && [ "${delivery%% *}" = task.succeeded ]; then good=$((good + 1)); fi
  if [ -n "$delivery" ]; then delivery="verified, ${delivery#* } (${delivery%% *})"; else delivery='none verified'; fi
  printf '%-20s %-34s %9s  %s\n' "$id" "$shown" "$bytes" "$delivery"
done
echo
echo "$good of $total tasks have their picture and a verified delivery."
echo "Pictures are in $pictures, logs in $kept."
[ $good -eq $total ]
