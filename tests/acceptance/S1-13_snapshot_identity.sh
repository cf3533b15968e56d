#!/usr/bin/env bash
# A snapshot is known by the SHA-256 of its descriptor, on every surface; with any byte of that changed it is another
# snapshot, or none.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box
run_ok msb snapshot create one --from box --label a=1
file=$MSB_HOME/snapshots/one/snapshot.json
digest=sha256:$(sha256sum <"$file" | cut -d' ' -f1)
assert_eq "$(head -n 1 <<<"$out")" "$digest" "what create prints"
assert_eq "$(msb snapshot ls -q)" "$digest" "what ls prints"
assert_contains "$(msb snapshot ls --format json)" "\"digest\": \"$digest\""
assert_match "$(msb snapshot open one)" "^Digest: *$digest$"
assert_match "$(msb snapshot verify one)" "^Digest: *$digest$"
run_ok msb snapshot open "$digest"
assert_match "$out" "^Path: *$MSB_HOME/snapshots/one$"

chmod u+w "$file"
cp "$file" "$T/good"
size=$(stat -c %s "$file")
for at in $(seq 0 9 $((size - 1))); do
    cp "$T/good" "$file"
    # Another letter or digit in its place, or a bracket too many.
    byte=$(dd if="$file" bs=1 skip="$at" count=1 status=none)
    case $byte in 1) other=2 ;; a) other=b ;; *) other=1 ;; esac
    printf %s "$other" | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
    if run msb snapshot open one --format json && [ "$code" -eq 0 ]; then
        assert_not_contains "$out" "$digest"
        assert_contains "$out" "sha256:$(sha256sum <"$file" | cut -d' ' -f1)"
    fi
done
# The same document written in another way is none.
for edit in 's/{"schema"/{ "schema"/' 's/$/\n/' 's/"labels":{"a":"1"}/"labels":{"a":"1","a":"1"}/'; do
    sed "$edit" "$T/good" >"$file"
    run_fail 1 "snapshot '.*/one'" msb snapshot open one
done
msb rm -q -f box
no_leftovers
