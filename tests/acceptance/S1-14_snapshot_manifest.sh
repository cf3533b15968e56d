#!/usr/bin/env bash
# What the descriptor says, in the order that makes its one text; schemas that nobody knows are refused.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

msb create -q -n box
msb stop -q box
msb snapshot create -q plain --from box --label b=2 --label a=1 >/dev/null
msb snapshot create -q sealed --from box --integrity >/dev/null
msb create -q -n fork --from plain
msb stop -q fork
msb snapshot create -q child --from fork >/dev/null

plain=$MSB_HOME/snapshots/plain
size=$(stat -c %s "$plain/upper.ext4")
image=$(msb image ls -q)
assert_match "$(cat "$plain/snapshot.json")" '^\{"schema":1,"artifact":"snapshot","scope":"disk","created_at":"[0-9T:.-]+Z","parent":null,"image":\{"ref":"'"$image"'","manifest_digest":"sha256:[0-9a-f]{64}"\},"source_sandbox":"box","state":\{"kind":"file","format":"raw","fstype":"ext4","upper":\{"file":"upper.ext4","size_bytes":'"$size"',"integrity":null\}\},"labels":\{"a":"1","b":"2"\},"extensions":\{\},"requires":\[\]\}$'
assert_match "$(cat "$MSB_HOME/snapshots/sealed/snapshot.json")" '"integrity":\{"algorithm":"msb-file-merkle-sha256-v1","root":"[0-9a-f]{64}","logical_size":'"$size"',"leaf_size":65536\}'
assert_contains "$(cat "$MSB_HOME/snapshots/child/snapshot.json")" "\"parent\":\"sha256:$(sha256sum <"$plain/snapshot.json" | cut -d' ' -f1)\""
# RFC 3339, and a time of today.
python3 - "$plain/snapshot.json" <<'PY'
import datetime, json, sys
text = json.load(open(sys.argv[1]))["created_at"]
stamp, _, fraction = text[:-1].partition(".")
assert text.endswith("Z") and not fraction.endswith("0") and len(fraction) <= 9, text
made = datetime.datetime.fromisoformat(stamp + "+00:00")
assert abs((datetime.datetime.now(datetime.timezone.utc) - made).total_seconds()) < 600, text
PY
run_ok msb snapshot open plain
for line in "Image: *$image" "Scope: *disk" "Parent: *-" "  Format: *raw" "  Filesystem: *ext4" "  Upper File: *upper.ext4" \
    "  Integrity: *not recorded" "Source Sandbox: *box" "  a: *1" "  b: *2"; do
    assert_match "$out" "^$line$"
done

chmod u+w "$plain/snapshot.json"
cp "$plain/snapshot.json" "$T/good"
refused() { # PATTERN SED
    sed "$2" "$T/good" >"$plain/snapshot.json"
    run_fail 1 "$1" msb snapshot open plain
}
refused "schema 2, which this msb does not know" 's/"schema":1/"schema":2/'
refused "damaged" 's/,"labels"/,"more":1,"labels"/'
refused "more than a disk" 's/"scope":"disk"/"scope":"resumable"/'
refused "format qcow2" 's/"format":"raw"/"format":"qcow2"/'
refused "damaged" 's/upper.ext4/..\/upper.ext4/'
refused "damaged" 's/"parent":null,//'
msb rm -q -f box fork
no_leftovers
