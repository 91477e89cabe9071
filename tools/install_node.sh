#!/usr/bin/env bash
# Installs Debian's Node.js and npm for the checks of the launch page's script, unless they are there.
set -euo pipefail
missing="tools/install_node.sh: Node.js (18.20, 20.10 or newer) and npm are needed: install them (Debian: apt-get install nodejs npm)"

usable() {
    command -v npm && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 10) || (major === 18 && minor >= 20) ? 0 : 1);'
} >/dev/null 2>&1

if usable; then
    exit 0
fi
# One of them may come from somewhere else than Debian, whose packages would then be in its way.
packages=()
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
if [ "${#packages[@]}" -gt 0 ]; then
    "$(dirname "$0")/apt_install.sh" "$missing" "${packages[@]}"
fi
if ! usable; then
    echo "$missing" >&2
    exit 1
fi
