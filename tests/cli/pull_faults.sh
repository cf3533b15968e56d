#!/usr/bin/env bash
# ctest: timeout=240
# Registries that break, lie or never end: resumed where that can help, else a clear error; in either case
# nothing half done is kept.
. "$(dirname "$0")/../lib.sh"
need python3

make_rootfs "$T/root"
head -c 3000000 /dev/urandom >"$T/root/random"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
start_registry
push_image "$T/layout" lib/thing:1
digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REGISTRY/lib/thing:1")

# nothing_kept: no image, no layer, no temporary file.
nothing_kept() {
    run_ok msb image ls -q
    assert_eq "$out" "" "images"
    assert_eq "$(find "$MSB_HOME"/cache/{tmp,blobs,images} -type f 2>/dev/null)" "" "files"
}
# fails PATTERN MODE [ARGUMENT]: a pull through the front fails.
fails() {
    start_front "${@:2}"
    run_fail 1 "$1" msb pull "$FRONT/lib/thing:1"
    stop_front
    nothing_kept
}
# succeeds MODE [ARGUMENT]
succeeds() {
    start_front "$@"
    run_ok msb pull -q "$FRONT/lib/thing:1"
    stop_front
    run_ok msb image rm -q "$FRONT/lib/thing:1"
    nothing_kept
}

# Broken connections are taken up where they broke.
succeeds cut 1500000
assert_match "$(cat "$FRONT_LOG")" '/blobs/.* bytes=1500000- '
assert_match "$(cat "$FRONT_LOG")" '/blobs/.* bytes=3000000- '
succeeds cut-once 1500000
assert_match "$(cat "$FRONT_LOG")" '/blobs/.* bytes=1500000- '
fails 'another part' wrong-range 1500000
succeeds unavailable 2
fails 'answered 503' unavailable 1000

# Refusals.
fails 'does not exist.*404' status 404
fails 'no access.*403' status 403
fails 'too many requests.*429' status 429
fails 'answered 500' status 500

# Lies.
fails 'does not match its digest|corrupt' flip
fails 'image configuration does not match its digest' other-configuration
start_front other-manifest
run_fail 1 'does not match its digest' msb pull "$FRONT/lib/thing@$digest"
stop_front
nothing_kept
fails 'bytes instead of' short
fails 'larger than the [0-9]* bytes' endless-layer
fails 'larger than 16 MiB' endless-manifest
for garbage in '' '{' 'null' '[]' '{"schemaVersion": 2, "manifests": 7}' '{"schemaVersion": 1}' \
    '{"schemaVersion": 2, "config": {"digest": "sha256:../../etc/passwd"}, "layers": []}' \
    "$(printf '{"a":%.0s' $(seq 200))"; do
    fails 'error: ' garbage "$garbage"
done
run_fail 1 'refused|connect' msb pull 127.0.0.1:1/no/registry:1
run_fail 1 'resolve' msb pull no-such-host.invalid/no/registry:1

# Interrupted: as the signal says, at once, and nothing stays.
start_front slow
for signal in INT TERM; do
    "$MSB" pull "$FRONT/lib/thing:1" >/dev/null 2>"$T/err" &
    pid=$!
    eventually 10 grep -q '/blobs/' "$FRONT_LOG"
    sleep 0.3
    kill -$signal $pid
    code=0
    wait $pid || code=$?
    assert_eq $code $((128 + $(kill -l $signal))) "exit code after $signal"
    nothing_kept
    no_leftovers
done

# Killed at many moments; the next command works.
for delay in 0.02 0.05 0.1 0.2 0.3 0.4; do
    "$MSB" pull -q "$FRONT/lib/thing:1" >/dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
done
stop_front
no_leftovers
for delay in 0.05 0.1 0.15 0.2 0.25 0.3 0.35; do
    "$MSB" pull -q --force "$REGISTRY/lib/thing:1" >/dev/null 2>&1 &
    pid=$!
    sleep "$delay"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
    run_ok msb image ls
done
no_leftovers
run_ok msb pull -q "$REGISTRY/lib/thing:1"
run_ok msb image inspect "$REGISTRY/lib/thing:1"

# Several at once, of one image and of two that share layers.
run_ok msb image rm -q "$REGISTRY/lib/thing:1"
push_image "$T/layout" lib/same:1
pids=()
for name in thing thing same same thing; do
    "$MSB" pull -q "$REGISTRY/lib/$name:1" 2>>"$T/err" &
    pids+=($!)
done
for pid in "${pids[@]}"; do
    wait "$pid" || fail_test "a concurrent pull failed: $(cat "$T/err")"
done
run_ok msb image ls -q
assert_eq "$(printf '%s\n' "$out" | sort)" "$(printf '%s\n' "$REGISTRY/lib/same:1" "$REGISTRY/lib/thing:1")"
assert_eq "$(find "$MSB_HOME/cache/blobs" -name '*.data' | wc -l)" 1 "stored layers"
# shellcheck disable=SC2046
run_ok msb image rm -q $(msb image ls -q)
nothing_kept

# Progress: one line that is drawn again on a terminal, nothing with -q, no control characters in a pipe.
run_ok msb pull "$REGISTRY/lib/thing:1"
assert_contains "$err" Pulled
assert_not_contains "$err" $'\e'
run_ok msb pull -q --force "$REGISTRY/lib/thing:1"
assert_eq "$err$out" ""
need script
run_ok msb image rm -q "$REGISTRY/lib/thing:1"
start_front slow
cat >"$T/on-terminal" <<SH
stty -a >$T/before
sh -c 'echo \$\$ >$T/pid; exec $MSB pull $FRONT/lib/thing:1'
echo \$? >$T/code
stty -a >$T/after
SH
script -qfec "sh $T/on-terminal" "$T/typescript" >/dev/null 2>&1 </dev/null &
pid=$!
eventually 20 grep -q '/blobs/' "$FRONT_LOG"
eventually 20 grep -q 'Pulling' "$T/typescript"
kill -INT "$(cat "$T/pid")"
wait $pid
assert_contains "$(tr -d '\0' <"$T/typescript")" $'\r'
assert_eq "$(cat "$T/code")" 130 "exit code"
assert_eq "$(cat "$T/after")" "$(cat "$T/before")" "terminal settings"
stop_front
no_leftovers

# A full disk.
need_root
mkdir "$T/small"
mount -t tmpfs -o size=2m tmpfs "$T/small"
trap 'umount -l "$T/small" || :; finish' EXIT
MSB_HOME=$T/small/home run_fail 1 '[Nn]o space' msb pull "$REGISTRY/lib/thing:1"
assert_eq "$(find "$T/small/home/cache/tmp" -type f)" "" "temporary files"
