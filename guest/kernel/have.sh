#!/bin/bash
# have.sh NAME...: whether the cache has one of these kernel bundles, for the recipes of this tree.
. "$(dirname "$0")/kvm.sh"
for name; do
    [ ! -f "$(bundle_ref "$name")/manifest.json" ] || exit 0
done
exit 1
