#!/bin/bash
# link.sh DIR: makes DIR/NAME a symlink to each kernel bundle that the cache has for the recipes of this
# tree, and removes links to others.
. "$(dirname "$0")/kvm.sh"
mkdir -p "$1"
for name in "${BUNDLES[@]}"; do
    bundle=$(readlink -f "$(bundle_ref "$name")") || bundle=
    if [ ! -f "$bundle/manifest.json" ]; then
        rm -f "$1/$name"
    elif [ "$(readlink "$1/$name")" != "$bundle" ]; then
        ln -sfnT "$bundle" "$1/$name"
    fi
done
