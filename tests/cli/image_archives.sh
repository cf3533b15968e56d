#!/usr/bin/env bash
# Archives in every form that is accepted: what common tools write, compressed in all ways, under any name; several
# images of which one is damaged; and sizes beyond the limits.
. "$(dirname "$0")/../lib.sh"
need python3 busybox zstd

python3 "$(dirname "$0")/../odd_archives.py" "$T"
for archive in "$T"/*.tar; do
    name=$(basename "$archive" .tar)
    run_ok msb load -i "$archive"
    assert_contains "$err" "docker.io/library/$name:1" "$archive"
done

# --- compressed, in pieces, through a pipe
plain=$T/links.tar
half=$(($(stat -c %s "$plain") / 2))
head -c $half "$plain" >"$T/half1"
tail -c +$((half + 1)) "$plain" >"$T/half2"
gzip -c "$plain" >"$T/a.tgz"
{ gzip -c "$T/half1"; gzip -c "$T/half2"; head -c 1000 /dev/zero; } >"$T/members.tgz"
zstd -qc "$plain" >"$T/a.tzst"
{ printf '\x50\x2a\x4d\x18\x03\0\0\0abc'; zstd -qc "$T/half1"; zstd -qc "$T/half2"; } >"$T/frames.tzst"
for packed in "$plain" "$T"/a.tgz "$T"/members.tgz "$T"/a.tzst "$T"/frames.tzst; do
    run_ok msb image rm links:1
    run_ok msb load -q -i "$packed"
    run_ok msb image inspect links:1
    run_ok msb image rm links:1
    run_ok msb load -q < <(cat "$packed")
    run_ok msb image inspect links:1
done
for tool in bzip2 xz; do
    command -v $tool >/dev/null || continue
    $tool -c "$plain" >"$T/foreign"
    run_fail 1 "$tool compression is not supported" msb load -i "$T/foreign"
    assert_contains "$err" "$tool -dc"
done

# --- names
for name in 'a,b:c d.tar' "$(printf 'b\xff \n')" '-'; do
    cp "$plain" "$T/$name"
    (cd "$T" && run_ok msb load -q -i "./$name")
done

# --- by the digest of what is cached under a tag: its own, and that of the index it came in
digest_of() { sed -n 's/.*"digest": "\(sha256:[0-9a-f]*\)".*/\1/p' | tail -n 1; }
run_ok msb image inspect nested:1 --format json
own=$(digest_of <<<"$out")
index=sha256:$(tar -xOf "$T/nested.tar" index.json | sed -n 's/.*"digest": "sha256:\([0-9a-f]*\)".*/\1/p')
[ "$own" != "$index" ] || fail_test "the image is its own index"
for digest in "$own" "$index"; do
    run_ok msb pull --quiet "nested@$digest"
    run_ok msb image inspect "nested:1@$digest" --format json
    assert_contains "$out" "$own"
    run_fail 1 'not cached' msb image inspect "links@$digest"
done

run_fail 1 'not cached' msb image inspect nestd:1
assert_contains "$err" "did you mean 'docker.io/library/nested:1'"

# --- several images, of which one is odd
# shellcheck disable=SC2046
run_ok msb image rm $(msb image ls -q)
for archive in layout docker; do
    run_fail 1 "image '[^']*odd:1'" msb load -i "$T/odd/$archive.tar"
    assert_contains "$err" "docker.io/library/first:1"
    run_ok msb image ls -q
    assert_eq "$(sort <<<"$out")" $'docker.io/library/first:1\ndocker.io/library/third:1'
    # shellcheck disable=SC2046
    run_ok msb image rm $(msb image ls -q)
done
run_fail 1 "Env is not a list" msb load -i "$T/odd/configuration.tar" -t mine:1
run_ok msb image ls -q
assert_eq "$out" docker.io/library/second:1 "the name was for the first image"

# --- limits: what they are called, and how to raise them
run_ok msb load -q -i "$T/odd/bomb.tar"
[ "$(du -sk "$MSB_HOME/cache/blobs" | cut -f1)" -lt 8000 ] || fail_test "zeros take room in the cache"
run_ok msb image rm bomb:1
echo '{"images":{"keep_free_mib":1000000000}}' >"$MSB_HOME/config.json"
run_fail 1 'no space left for images' msb load -i "$T/odd/bomb.tar"
assert_contains "$err" "images.keep_free_mib in $MSB_HOME/config.json"
echo '{"images":{"keep_free_mib":"1G"}}' >"$MSB_HOME/config.json"
run_fail 1 'images.keep_free_mib is not a number of MiB' msb load -i "$T/odd/bomb.tar"
echo '{"images":{"max_image_mib":32}}' >"$MSB_HOME/config.json"
run_fail 1 'larger than 32 MiB unpacked' msb load -i "$T/odd/bomb.tar"
assert_contains "$err" "images.max_image_mib in $MSB_HOME/config.json"
gzip -kf "$T/odd/bomb.tar"
run_fail 1 'larger than 32 MiB unpacked' msb load -i "$T/odd/bomb.tar.gz"
rm "$MSB_HOME/config.json"
assert_eq "$(find "$MSB_HOME/cache/tmp" -type f)" "" "temporary files"
no_leftovers
