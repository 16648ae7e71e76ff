#!/bin/sh
# Writes tests/sim/seeds.txt: few seeds that together reach every rule that is marked. To be run when `make check` takes
# long in the simulator, because a change of the code has given the seeds other lives.
#
#   sim_seeds.sh GANTRY_SIM [FROM]
set -eu
sim=$1
list=$(dirname "$0")/../tests/sim/seeds.txt
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# Those that reach a rule before all others do; and of these, from behind, those that the rest leaves something to.
"$sim" --from "${2:-30001}" --seeds 6000 --jobs 2 --all --cover | grep -x '[0-9][0-9]*' | tac >"$found"
for _ in 1 2 3; do
    "$sim" --list "$found" --seeds 0 --cover | grep -x '[0-9][0-9]*' | tac >"$list"
    cp "$list" "$found"
done
"$sim" --list "$list" --seeds 0 --marks
