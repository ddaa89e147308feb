#!/bin/sh
# Installs the Debian packages that building needs, and by its argument those of more: "package" to make a Debian
# package, "tests" to test, "bench", "fuzz", "valgrind" and "coverage" for these.
# What is there already is left alone, so that with everything there no network and no root is needed.
set -eu

packages="g++ cmake ninja-build ccache pkg-config libasio-dev libcurl4-openssl-dev rapidjson-dev libsimdjson-dev libxxhash-dev
libyaml-cpp-dev libspdlog-dev libsqlite3-dev libpq-dev libssl-dev zlib1g-dev libdeflate-dev libpng-dev libjpeg62-turbo-dev
libturbojpeg0-dev libgoogle-perftools-dev
libwebp-dev node-llhttp libcli11-dev prometheus-cpp-dev ca-certificates"
case ${1:-} in
  '') ;;
  package) packages="$packages dpkg-dev file" ;;
  *)
    packages="$packages doctest-dev clang-format python3 curl nodejs npm nginx-light systemd
dpkg-dev file lintian man-db bash-completion mmdebstrap iproute2 procps chromium postgresql"
    if [ "$1" = bench ]; then packages="$packages aria2"; fi
    if [ "$1" = fuzz ]; then packages="$packages clang libclang-rt-14-dev"; fi
    if [ "$1" = valgrind ]; then packages="$packages valgrind"; fi
    if [ "$1" = coverage ]; then packages="$packages gcovr"; fi
    ;;
esac

missing=
for package in $packages; do
  case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
# Programs that other packages bring, too: what counts is that they are there.
without() {
  missing=$(printf '%s\n' "$missing" | sed -E "s/ $1( |\$)/\\1/")
}
if command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ]; then without nginx-light; fi
if command -v node >/dev/null 2>&1; then without nodejs; fi
for program in /usr/lib/postgresql/*/bin/initdb; do
  if [ -x "$program" ]; then without postgresql; fi
done
if command -v npm >/dev/null 2>&1; then without npm; fi
if command -v chromium >/dev/null 2>&1; then without chromium; fi
if command -v systemd-socket-activate >/dev/null 2>&1; then without systemd; fi
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "These packages are missing, and only root can install them:$missing" >&2
    exit 1
  fi
  as_root=sudo
fi
echo "Installing:$missing"
# shellcheck disable=SC2086 # $as_root may be empty, $missing is a list
{
  $as_root apt-get update -q
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}
