#!/usr/bin/env bash
# msb df says what takes room; msb prune removes what nothing needs, and never what something needs.
. "$(dirname "$0")/../lib.sh"
need_kernel

# usage KIND MEMBER: of msb df.
usage() { msb df --format json | jq -r ".$1.$2"; }
items() { msb df --format json | jq -r "[.$1.items[].name] | join(\" \")"; }

# An empty home has nothing.
run_ok msb df
assert_match "$out" '^TYPE +COUNT +IN USE +SIZE +ON DISK +RECLAIMABLE'
assert_match "$out" 'total +0 B +0 B'
run_ok msb prune -y
assert_eq "$out" "Nothing to prune."

busybox_image "$T/one.tar" one:1
busybox_image "$T/two.tar" two:1
run_ok msb load -q -i "$T/one.tar"
run_ok msb load -q -i "$T/two.tar"
run_ok msb create -q -n box --label keep=yes one:1
run_ok msb exec box -- sh -c 'head -c 5000000 /dev/urandom >/large; sync'

assert_eq "$(usage images count) $(usage images in_use)" "2 1"
assert_eq "$(usage sandboxes count) $(usage sandboxes in_use) $(items sandboxes)" "1 1 box"
[ "$(usage sandboxes logical_bytes)" -ge $((4 << 30)) ] || fail_test "the disk is smaller than 4 GiB"
allocated=$(usage sandboxes allocated_bytes)
if [ "$allocated" -lt 5000000 ] || [ "$allocated" -ge 50000000 ]; then fail_test "$allocated bytes allocated"; fi
assert_eq "$(usage sandboxes reclaimable_bytes)" 0
[ "$(usage layers reclaimable_bytes)" -gt 1000000 ] || fail_test "the other image's layer is not reclaimable"
[ "$(usage caches count)" -gt 0 ] || fail_test "no caches"
run_ok msb df -v
assert_match "$out" "one:1.* sandbox 'box'"
assert_match "$out" 'sandboxes +box .* it runs'

# What a sandbox or another image needs stays; a dry run changes nothing.
before=$(msb df --format json)
run_ok msb prune --dry-run
assert_match "$out" 'images +[^ ]*two:1'
assert_not_contains "$out" one:1
assert_match "$out" '^Would free '
assert_eq "$(msb df --format json)" "$before"
run_fail 1 'nobody can be asked' msb prune </dev/null
assert_eq "$(msb df --format json)" "$before"
run_ok msb prune -y
assert_match "$out" '^Freed '
assert_eq "$(items images | grep -c two:1)" 0
assert_eq "$(items sandboxes)" box
run_ok msb exec box -- true
run_ok msb run -q one:1 -- true # the template is made again

# An image of a snapshot is needed, too.
run_ok msb stop -q -t 5 box
run_ok msb snapshot create -q first --from box
run_ok msb rm -q box
run_ok msb prune -y
assert_match "$(items images)" one:1
run_ok msb create -q -n fork --from first
run_ok msb stop -q -t 5 fork
run_ok msb snapshot create -q second --from fork
assert_eq "$(usage snapshots count) $(usage snapshots in_use)" "2 1" # the first is the second's parent

# More only when it is asked for.
run_ok msb create -q -n labelled --label stage=test one:1
run_ok msb create -q -n running one:1
run_ok msb stop -q -t 5 labelled
run_ok msb prune -y --filter type=sandboxes --filter label=stage=test --format json
assert_eq "$(jq -r '[.items[] | .name + " " + .state] | join(",")' <<<"$out")" "labelled removed"
run_ok msb prune -y --filter type=sandboxes --older-than 1d
assert_eq "$out" "Nothing to prune."
run_ok msb prune -y --all
assert_eq "$(items sandboxes) $(items snapshots)" "running first"
run_ok msb exec running -- true
run_ok msb rm -q -f running
run_ok msb prune -q -y --all
run_ok msb prune -q -y --all
assert_eq "$out" ""
assert_eq "$(msb df --format json | jq '[.[] | objects | .count] | add')" 0

# A volume goes only when it is named, and no sandbox mounts it.
run_ok msb volume create -q spare
run_ok msb volume create -q used
run_ok msb load -q -i "$T/one.tar"
run_ok msb create -q -n box -v used:/x one:1
run_ok msb stop -q -t 5 box
run_ok msb prune -q -y
assert_eq "$(items volumes)" "spare used"
run_ok msb prune -q -y --filter type=volumes
assert_eq "$(items volumes)" used
run_ok msb rm -q box
run_ok msb prune -q -y --all
assert_eq "$(items volumes)" used
run_ok msb prune -q -y --filter type=volumes

# Images alone.
run_ok msb load -q -i "$T/one.tar"
run_ok msb image prune -y --format json
assert_eq "$(jq -c '[.image_refs_removed, .manifests_removed, .layers_removed, .fsmeta_removed]' <<<"$out")" '[1,1,1,1]'
run_ok msb image ls -q
assert_eq "$out" ""

# Mistakes.
run_fail 1 "unknown key 'typ'" msb prune --filter typ=images
assert_contains "$err" "did you mean 'type'"
run_fail 1 "nothing to prune is 'image'" msb prune --filter type=image
assert_contains "$err" "did you mean 'images'"
run_fail 1 'invalid duration' msb prune --older-than 3x

# A pull's files are not taken away while it runs, and layers are not while an image is loaded.
run_ok msb load -q -i "$T/one.tar"
for _ in 1 2 3 4 5; do
    msb prune -q -y & pruning=$!
    run_ok msb load -q -i "$T/one.tar"
    wait "$pruning" || fail_test "prune beside a load failed"
    run_ok msb load -q -i "$T/one.tar"
    run_ok msb run -q one:1 -- true
done
