#!/usr/bin/env bash
# Installs what rehearsing takes on Debian, unless it is there: buildah, a registry, and what makes stand-ins for images.
set -euo pipefail
missing="tools/install_engine.sh: buildah, docker-registry, mmdebstrap, git, Node.js and npm are needed: install them (Debian: apt-get install buildah docker-registry mmdebstrap git nodejs npm)"

packages=()
command -v buildah >/dev/null || packages+=(buildah)
command -v docker-registry >/dev/null || packages+=(docker-registry)
command -v mmdebstrap >/dev/null || packages+=(mmdebstrap)
command -v git >/dev/null || packages+=(git)
command -v unshare >/dev/null || packages+=(util-linux)
if [ "${#packages[@]}" -gt 0 ]; then
    "$(dirname "$0")/apt_install.sh" "$missing" "${packages[@]}"
fi
"$(dirname "$0")/install_node.sh"
