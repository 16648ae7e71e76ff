#!/bin/sh
# Installs the Debian packages that the named purposes need, those only that are missing.
#   install-packages.sh [build] [check] [docker] [node]
set -eu

build="build-essential meson ninja-build pkg-config python3 libevent-dev libwslay-dev libssl-dev
libyajl-dev libsqlite3-dev libpcre2-dev uthash-dev libxxhash-dev"
check="libcmocka-dev libjansson-dev clang clang-format awscli ansible python3-boto3 sqlite3 procps iproute2 iptables nftables containernetworking-plugins busybox-static openssl curl docker-registry"
docker="docker.io iptables iproute2 nftables containernetworking-plugins busybox-static"

wanted=""
for purpose in "$@"; do
    case $purpose in
    build) wanted="$wanted $build" ;;
    check) wanted="$wanted $check" ;;
    docker) wanted="$wanted $docker" ;;
    node) command -v npm >/dev/null || wanted="$wanted nodejs npm" ;;
    *) echo "install-packages.sh: no such purpose: $purpose" >&2; exit 2 ;;
    esac
done

missing=""
for package in $wanted; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "Installing packages needs root; install these and try again:$missing" >&2; exit 1; }
    sudo=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
