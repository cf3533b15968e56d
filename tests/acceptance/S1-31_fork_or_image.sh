#!/usr/bin/env bash
# A snapshot and an image exclude each other.
. "$(dirname "$0")/../lib.sh"
for option in --from --from-snapshot --snapshot; do
    run_fail 2 "exclude" msb run "$option" one alpine -- true
    run_fail 2 "exclude" msb create alpine "$option" one
done
run_fail any "a name, a path or a digest" msb run --from "" -- true
