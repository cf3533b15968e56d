#!/bin/bash
# modules.sh: prints the directory that holds the npm packages which build and test this one (package-lock.json),
# fetched into the cache the first time.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
cache=${MSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/microsandbox}
modules=$cache/npm-$(cat "$here/package.json" "$here/package-lock.json" | sha256sum | cut -c1-16)
if [ ! -d "$modules" ]; then
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/npm.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    cp "$here/package.json" "$here/package-lock.json" "$work"
    npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --no-update-notifier \
        --fetch-retries 1 --fetch-timeout 60000 >&2
    # Another build may have been faster.
    mv -T "$work" "$modules" 2>/dev/null || [ -d "$modules" ]
fi
echo "$modules/node_modules"
