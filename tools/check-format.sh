#!/bin/sh
# Every C file is laid out as clang-format says.
set -eu
cd "$(dirname "$0")/.."
find src tests tools bench \( -name '*.c' -o -name '*.h' \) -not -path '*/node_modules/*' -print0 |
    xargs -0 "${1:-clang-format}" --dry-run -Werror
