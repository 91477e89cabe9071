#!/usr/bin/env bash
# Installs Debian's Chromium for the tests in a browser, unless there is one. Another one: CHROMIUM=/path/to/it
set -euo pipefail
chromium="${CHROMIUM:-/usr/bin/chromium}"
missing="tools/install_chromium.sh: no Chromium at $chromium: install it (Debian: apt-get install chromium), or set CHROMIUM to where it is"

if [ -x "$chromium" ]; then
    exit 0
fi
if [ -n "${CHROMIUM:-}" ]; then
    echo "$missing" >&2
    exit 1
fi
"$(dirname "$0")/apt_install.sh" "$missing" chromium
