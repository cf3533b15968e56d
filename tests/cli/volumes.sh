#!/usr/bin/env bash
# msb volume: its commands, names and outputs, and what a volume that is in use is protected from.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_fail any 'volume create requires a name' msb volume create
run_fail any '[-]-size is required with --kind disk' msb volume create x --kind disk
run_fail any '[-]-size is only supported with --kind disk' msb volume create x --size 1G
run_fail any 'a disk must have 128 MiB' msb volume create x --kind disk --size 64M
run_fail any 'name starts with a letter or digit' msb volume create .x
run_fail any 'name starts with a letter or digit' msb volume create a/b
run_fail any 'at most 128 bytes' msb volume create "$(printf 'x%.0s' {1..129})"
run_ok msb volume ls
assert_eq "$out$err" "No volumes."

run_ok msb volume create first --label a=1
assert_eq "$out" first
run_ok msb vol create -n second --kind disk --size 1.5G
run_ok msb volumes create third --quota 2G
run_fail 1 'volume already exists: first' msb volume create first --kind disk --size 1G
run_ok msb vols list
assert_match "$(head -1 <<<"$out")" '^NAME +KIND +SIZE +CREATED$'
assert_match "$out" 'third +dir +2 GiB'
assert_match "$out" 'second +disk +1.5 GiB'
assert_match "$out" 'first +dir +- '
run_ok msb volume ls -q
assert_eq "$out" $'third\nsecond\nfirst' "newest first"
run_ok msb volume inspect second
for line in 'Kind: *disk' 'Format: *raw' 'Filesystem: *ext4' 'Capacity: *1.5 GiB' "Path: *$MSB_HOME/volumes/second/disk.raw" 'Labels: *-'; do
    assert_match "$out" "^$line"
done
run_ok msb volume inspect first
assert_match "$out" '^Quota: *unlimited'
assert_match "$out" 'a: *1'
run_ok msb volume ls --format json
assert_eq "$(jq -c '.[] | select(.name == "first") | .labels' <<<"$out")" '{"a":"1"}'
run_fail 1 "did you mean 'second'" msb volume inspect secnod

# A disk is sparse: it takes what is in it.
[ "$(du -sk "$MSB_HOME/volumes/second" | cut -f1)" -lt 4096 ] || fail_test "a new disk is not sparse"

# In use: by one that runs, and not by one that is stopped.
msb create -q -n user -v first:/f -v second:/s
run_fail 1 "volume 'first' is mounted by sandbox 'user'" msb volume rm first
run_fail 1 "volume 'second' is mounted by sandbox 'user'" msb volume rm second
run_fail 1 "volume 'first' is in use" msb volume clone first copy
run_ok msb volume inspect first
assert_match "$out" '^Sandboxes: *user'
msb exec user -- sh -c 'echo text >/f/file && ln /f/file /f/again && ln -s file /f/link && mkdir /f/d && echo text >/s/file'
msb stop -q user

# Clones have the same in them, and are nobody else's.
run_ok msb volume clone first copy --label b=2
assert_eq "$out" copy
run_ok msb volume clone second disk2
run_fail 1 'volume already exists: copy' msb volume clone first copy
run_fail 1 'volume not found: none' msb volume clone none new
run_ok msb run -v copy:/f -v disk2:/s -- sh -c 'cat /f/file /s/file && readlink /f/link && stat -c %h /f/again && echo more >>/f/file && echo more >>/s/file'
assert_eq "$out" $'text\ntext\nfile\n2'
run_ok msb run -v first:/f -v second:/s -- cat /f/file /s/file
assert_eq "$out" $'text\ntext'

# Prune removes what no sandbox mounts, not even one that is stopped.
run_ok msb volume prune --dry-run --label b=2
assert_eq "$out" copy
run_ok msb volume prune
assert_eq "$(sort <<<"$out" | tr '\n' ' ')" "copy disk2 third "
run_ok msb volume ls -q
assert_eq "$out" $'second\nfirst'

# A stopped sandbox whose volume has gone says which one, and starts when there is one again.
run_ok msb volume rm first
run_fail any 'volume not found: first' msb start user
run_ok msb volume create -q first
run_ok msb start -q user
run_ok msb rm -q -f user

# What guests may add to a directory that has a quota.
run_ok msb volume create -q small --quota 2M
run_fail any 'No space left' msb run -v small:/d -- dd if=/dev/zero of=/d/file bs=1M count=4
run_ok msb volume rm -q small

# Several at once; what is missing does not stop the others.
run_fail 1 'volume not found: none' msb volume rm first none second
run_ok msb volume ls -q
assert_eq "$out" ""
assert_eq "$(ls -A "$MSB_HOME/volumes/.meta")" ""

# A directory that somebody has put there is a volume; a damaged record is said, and the others are listed.
mkdir "$MSB_HOME/volumes/byhand"
echo there >"$MSB_HOME/volumes/byhand/file"
run_ok msb run -v byhand:/x -- cat /x/file
assert_eq "$out" there
msb volume create -q good
msb volume create -q bad
echo '{"schema":' >"$MSB_HOME/volumes/.meta/bad.json"
run_ok msb volume ls -q
assert_eq "$(sort <<<"$out" | tr '\n' ' ')" "byhand good "
assert_match "$err" "volume 'bad' is damaged"
run_fail any "volume 'bad' is damaged" msb run -v bad:/x -- true
run_ok msb volume rm bad
no_leftovers
