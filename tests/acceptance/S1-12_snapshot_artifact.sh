#!/usr/bin/env bash
# A snapshot is a directory with a descriptor and a disk, in the order of fields that makes its digest (S1-13, S1-14,
# S1-16, S1-17).
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box

run_ok msb snap create one --from box --label b=2 --label a=1
dir=$MSB_HOME/snapshots/one
assert_eq "$(ls -A "$dir")" "snapshot.json
upper.ext4"
digest=sha256:$(sha256sum <"$dir/snapshot.json" | cut -d' ' -f1)
assert_eq "$out" "$digest
$dir"
assert_eq "$(ls -A "$MSB_HOME/snapshots")" one "what is in the store"
size=$(stat -c %s "$dir/upper.ext4")
assert_match "$(cat "$dir/snapshot.json")" '^\{"schema":1,"artifact":"snapshot","scope":"disk","created_at":"[0-9T:.-]+Z","parent":null,"image":\{"ref":"[^"]+","manifest_digest":"sha256:[0-9a-f]{64}"\},"source_sandbox":"box","state":\{"kind":"file","format":"raw","fstype":"ext4","upper":\{"file":"upper.ext4","size_bytes":'"$size"',"integrity":null\}\},"labels":\{"a":"1","b":"2"\},"extensions":\{\},"requires":\[\]\}$'
run_ok msb snapshot create two --from box -q
assert_match "$out" '^sha256:[0-9a-f]{64}$'
assert_not_contains "$out" "$MSB_HOME"

# Any other text is another snapshot, or none.
chmod u+w "$dir/snapshot.json"
sed -i 's/"a":"1"/"a":"7"/' "$dir/snapshot.json"
run_ok msb snapshot open one --format json
assert_not_contains "$out" "$digest"
for edit in 's/"schema":1/"schema":9/' 's/,"labels"/,"more":1,"labels"/' 's/{"schema"/{ "schema"/'; do
    cp "$dir/snapshot.json" "$T/good"
    sed -i "$edit" "$dir/snapshot.json"
    run_fail 1 "snapshot '.*/one'" msb snapshot open one
    cp "$T/good" "$dir/snapshot.json"
done
msb rm -q -f box
no_leftovers
