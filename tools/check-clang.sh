#!/bin/sh
# The program builds without a warning with clang, too.
#   check-clang.sh SCRATCH_FOLDER
set -eu
cd "$(dirname "$0")/.."
folder=$1
[ -f "$folder/build.ninja" ] || CC=clang meson setup "$folder" --buildtype=release -Dtests=disabled -Dwerror=true >/dev/null
ninja -C "$folder" --quiet
