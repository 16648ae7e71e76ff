#!/bin/sh
# From nothing to a container that ran through the ECS API: packages, build, a one-machine cluster, a task.
# Running it again reuses what is there. GANTRY_DATA and GANTRY_LISTEN move it elsewhere.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" | head -n 1; }

gantry=build/gantry
export GANTRY_LISTEN="${GANTRY_LISTEN:-127.0.0.1:7420}"
[ -z "${GANTRY_DATA:-}" ] || export GANTRY_DATA

say "packages"
tools/install-packages.sh build
engine_socket="${DOCKER_HOST:-unix:///var/run/docker.sock}"
if ! { [ -S "${engine_socket#unix://}" ] && command -v docker >/dev/null && docker version >/dev/null 2>&1; }; then
    tools/install-packages.sh docker
fi

say "build"
make -s all NINJAFLAGS=--quiet
ln -sf src/gantry build/gantry

say "cluster"
if $gantry ecs list-clusters >/dev/null 2>&1; then
    echo "already up"
else
    # The image is made here, so no registry has to be asked for it first.
    ECS_IMAGE_PULL_BEHAVIOR="${ECS_IMAGE_PULL_BEHAVIOR:-prefer-cached}" $gantry up --detach
fi
data=$($gantry up --print-data)
docker="docker -H unix://$(cat "$data/docker-socket")"

say "image"
if ! $docker image inspect gantry/quickstart:latest >/dev/null 2>&1; then
    folder=$(mktemp -d)
    mkdir -p "$folder/bin" "$folder/tmp"
    cp "$(command -v busybox)" "$folder/bin/busybox"
    for name in sh echo sleep uname hostname date; do ln -s busybox "$folder/bin/$name"; done
    tar -C "$folder" -c . | $docker import - gantry/quickstart:latest >/dev/null
    rm -rf "$folder"
fi
echo "gantry/quickstart:latest"

say "task"
$gantry ecs register-task-definition --family quickstart --container-definitions '[{
    "name": "hello", "image": "gantry/quickstart:latest", "memory": 32,
    "command": ["sh", "-c", "echo \"Hello from $(hostname), a container that ECS asked for.\""]
}]' >/dev/null
task=$($gantry ecs run-task --task-definition quickstart | field taskArn)
[ -n "$task" ] || { echo "the task was not placed; 'gantry ecs run-task --task-definition quickstart' says why" >&2; exit 1; }
echo "started $task"
$gantry ecs wait tasks-stopped --tasks "$task"
described=$($gantry ecs describe-tasks --tasks "$task")
echo "it printed:   $($gantry logs "$task")"
echo "exit code:    $(printf '%s\n' "$described" | field exitCode)"
echo "reason:       $(printf '%s\n' "$described" | field stoppedReason)"

say "next"
cat <<EOF
  eval "\$($PWD/$gantry env)"          # then the stock AWS CLI works:
  aws ecs list-clusters --endpoint-url "\$AWS_ENDPOINT_URL"
  $gantry ps --all                    # the tasks
  $gantry ecs run-task --task-definition quickstart --count 3
  kill \$(cat $data/up.pid)             # stops server and agent; containers go on
EOF
