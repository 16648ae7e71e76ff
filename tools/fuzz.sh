#!/bin/sh
# Runs every libFuzzer target for so many seconds, starting from its kept corpus.
#   fuzz.sh SECONDS
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}

[ -f build-fuzz/build.ninja ] ||
    CC=clang meson setup build-fuzz -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link >/dev/null
ninja -C build-fuzz >/dev/null
for target in tests/fuzz/corpus/*; do
    name=$(basename "$target")
    mkdir -p "build-fuzz/corpus-$name"
    echo "== $name"
    "build-fuzz/tests/fuzz/fuzz-$name" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="build-fuzz/$name-" "build-fuzz/corpus-$name" "$target" 2>&1 | grep -E '^stat::|SUMMARY|ERROR' || true
done
ls build-fuzz/*-crash-* build-fuzz/*-leak-* build-fuzz/*-timeout-* 2>/dev/null && exit 1
echo "clean"
