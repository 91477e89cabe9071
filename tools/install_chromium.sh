#!/usr/bin/env bash
# Installs Debian's Chromium for the tests in a browser, unless there is one. Another one: CHROMIUM=/path/to/it
set -euo pipefail
chromium="${CHROMIUM:-/usr/bin/chromium}"

if [ -x "$chromium" ]; then
    exit 0
fi
if [ -n "${CHROMIUM:-}" ] || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "tools/install_chromium.sh: no Chromium at $chromium: install it (Debian: apt-get install chromium), or set CHROMIUM to where it is" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
if ! { apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends chromium; } >"$log" 2>&1; then
    echo "tools/install_chromium.sh: apt-get could not install chromium: $(grep '^E:' "$log" | tail -n 1)" >&2
    exit 1
fi
