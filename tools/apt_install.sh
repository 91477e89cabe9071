#!/usr/bin/env bash
# Installs Debian's packages. usage: tools/apt_install.sh WHAT-TO-SAY-WHERE-THAT-IS-IMPOSSIBLE PACKAGE…
set -euo pipefail
impossible="$1"
shift

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "$impossible" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
if ! { apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends "$@"; } >"$log" 2>&1; then
    echo "tools/apt_install.sh: apt-get could not install $*: $(grep '^E:' "$log" | tail -n 1)" >&2
    exit 1
fi
