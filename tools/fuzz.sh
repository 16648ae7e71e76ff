#!/bin/sh
# Runs the libFuzzer targets of tests/fuzz from their kept inputs, each for so many seconds or runs.
#
#   fuzz.sh [-t SECONDS] [-r RUNS] [-j JOBS] [TARGET...]     search; all targets when none is named
#   fuzz.sh --keep TARGET...      what the last searches found, minimised, into tests/fuzz/corpus
#   fuzz.sh --case TARGET FILE NAME   a finding, made small, becomes the kept input NAME
#
# One line a target: runs, runs a second, inputs in the corpus, code edges reached, and what it
# found. Findings stay in build-fuzz/found/. The status is 1 when there is one. With both -t and -r
# the first limit that is reached ends a target.
set -eu
cd "$(dirname "$0")/.."
build=build-fuzz
seconds=0
runs=-1
jobs=1
mode=search
while [ $# -gt 0 ]; do
    case $1 in
    -t) seconds=$2; shift 2 ;;
    -r) runs=$2; shift 2 ;;
    -j) jobs=$2; shift 2 ;;
    --keep) mode=keep; shift ;;
    --case) mode=case; shift ;;
    --search-one) mode=search-one; shift ;;
    *) break ;;
    esac
done
[ "$seconds" -gt 0 ] || [ "$runs" -ge 0 ] || seconds=60

# A timeout is a finding: no input of a few kilobytes may take so long. The rest makes it faster
# without making it blinder: a small quarantine and short stacks of allocations.
export ASAN_OPTIONS="quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=4:detect_leaks=1:strict_string_checks=1"
export UBSAN_OPTIONS="print_stacktrace=1"
common="-timeout=5 -rss_limit_mb=1024 -entropic=0 -reload=0 -print_final_stats=1"

# Without a trace of every comparison: it costs a third of the speed, and the words that a search
# could learn from it are in the dictionaries.
make_build() {
    [ -f $build/build.ninja ] ||
        CC=clang meson setup $build -Dfuzzers=true -Db_sanitize=address,undefined -Db_lundef=false \
            "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp -fno-sanitize-recover=all" >/dev/null
    targets=""
    for name in "$@"; do targets="$targets tests/fuzz/fuzz-$name"; done
    # shellcheck disable=SC2086 # a list of targets
    ninja -C $build $targets >$build/ninja.log || { tail -n 40 $build/ninja.log; exit 1; }
}

# How long inputs may become: as long as what the target reads has use for.
longest() {
    case $1 in
    ops | engine) echo 1200 ;;
    requests | records | frames | docker) echo 1500 ;;
    server) echo 800 ;;
    meta) echo 320 ;;
    text | query | ws) echo 256 ;;
    *) echo 512 ;;
    esac
}

search() {
    name=$1
    mkdir -p $build/corpus/"$name" $build/found
    log=$build/found/$name.log
    mkdir -p $build/dict
    python3 tools/fuzz_dict.py "$name" >$build/dict/"$name"
    words=""
    [ ! -s $build/dict/"$name" ] || words="-dict=$build/dict/$name"
    # shellcheck disable=SC2086 # lists of options
    $build/tests/fuzz/fuzz-"$name" $common $words -max_len="$(longest "$name")" -max_total_time="$seconds" -runs="$runs" \
        -artifact_prefix=$build/found/"$name"- $build/corpus/"$name" tests/fuzz/corpus/"$name" >"$log" 2>&1 ||
        touch $build/found/"$name".failed
    awk -v name="$name" '
        /^stat::number_of_executed_units/ { runs = $2 }
        /^stat::average_exec_per_sec/ { speed = $2 }
        / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "corp:") split($(i + 1), corp, "/") } }
        /assertion failed|runtime error:|ERROR: |SUMMARY: / { if (found == "") found = $0 }
        END { printf "%-9s %10d runs %7d/s %5d inputs %5d edges  %s\n", name, runs, speed, corp[1], cov, found == "" ? "clean" : found }
    ' "$log"
}

# The smallest set of inputs that reaches all that the kept and the found ones reach. Inputs with a
# name of their own were written or found by somebody and stay.
keep() {
    name=$1
    kept=tests/fuzz/corpus/$name
    small=$build/small/$name
    rm -rf "$small"
    mkdir -p "$small" $build/corpus/"$name"
    for file in "$kept"/*; do
        case $(basename "$file") in found-*) ;; *) cp "$file" "$small/" ;; esac
    done
    before=$(ls "$small" | wc -l)
    $build/tests/fuzz/fuzz-"$name" -merge=1 -timeout=5 -max_len="$(longest "$name")" "$small" "$kept" $build/corpus/"$name" \
        >$build/found/"$name".merge.log 2>&1
    rm -f "$kept"/found-*
    # Of all sizes alike, as many as fit: the small ones alone would be the shallow ones.
    found=$(find "$small" -type f -name '????????????????????????????????????????' | wc -l)
    find "$small" -type f -name '????????????????????????????????????????' -size -4k -printf '%s %p\n' | sort -n |
        awk -v room=$((140 - before)) -v found="$found" '
            int(NR * room / found) > int((NR - 1) * room / found) || found <= room { sum += $1; if (sum < 100000) print $2 }' |
        while read -r file; do cp "$file" "$kept/found-$(basename "$file" | cut -c1-12)"; done
    echo "$name: $(ls "$kept" | wc -l) inputs, $(cat "$kept"/* | wc -c) bytes"
}

# shellcheck disable=SC2012 # names of our own
[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)
case $mode in
case)
    make_build "$1"
    $build/tests/fuzz/fuzz-"$1" -minimize_crash=1 -max_total_time=30 -exact_artifact_path=$build/found/small "$2" >/dev/null 2>&1 || true
    [ -s $build/found/small ] || cp "$2" $build/found/small
    mv $build/found/small tests/fuzz/corpus/"$1"/"$3"
    ;;
keep)
    make_build "$@"
    for name in "$@"; do keep "$name"; done
    ;;
search-one) search "$1" ;;
search)
    make_build "$@"
    rm -f $build/found/*.failed
    # A target begins as soon as another has ended: they are not equally fast.
    printf '%s\n' "$@" | xargs -P "$jobs" -I NAME tools/fuzz.sh -t "$seconds" -r "$runs" --search-one NAME
    # shellcheck disable=SC2012
    failed=$(ls $build/found/*.failed 2>/dev/null | wc -l)
    [ "$failed" -eq 0 ] && echo "all clean" && exit 0
    echo "$failed targets found something: see build-fuzz/found/, then tools/fuzz.sh --case TARGET FILE NAME"
    exit 1
    ;;
esac
