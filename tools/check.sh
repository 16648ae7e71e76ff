#!/bin/sh
# Everything that `make check` runs, closed by one line that counts: "N passed, N failed".
#   check.sh BUILD_FOLDER [SUITE...]
set -u
cd "$(dirname "$0")/.."
build=$1
shift
suites=""
for suite in "$@"; do suites="$suites --suite $suite"; done

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1}"
if ! grep -qs GANTRY_PROOF "$build/build.ninja"; then
    again=""
    [ ! -f "$build/build.ninja" ] || again=--reconfigure
    # shellcheck disable=SC2086 # nothing or one word
    meson setup $again "$build" -Dproof=true -Db_sanitize=address,undefined -Dwerror=true -Dtests=enabled >"/tmp/gantry-setup.$$" 2>&1 ||
        { cat "/tmp/gantry-setup.$$"; echo "0 passed, 1 failed"; exit 1; }
    rm -f "/tmp/gantry-setup.$$"
fi
if ! ninja -C "$build" >"$build/ninja.log" 2>&1; then
    grep -vE '^\[[0-9]+/[0-9]+\]' "$build/ninja.log" | tail -n 60
    echo "0 passed, 1 failed"
    exit 1
fi
# shellcheck disable=SC2086 # a list of options
meson test -C "$build" --no-rebuild --print-errorlogs $suites
exec python3 tools/count_tests.py "$build/meson-logs/testlog.junit.xml"
