#!/usr/bin/env bash
# --label K=V, as often as wanted, lands in the descriptor, sorted by key.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb stop -q box
msb snapshot create -q one --from box --label stage=deps --label a=1=2 --label "of=ünï" --label empty= >/dev/null
assert_contains "$(cat "$MSB_HOME/snapshots/one/snapshot.json")" '"labels":{"a":"1=2","empty":"","of":"ünï","stage":"deps"}'
run_ok msb snapshot open one
assert_match "$out" '^  stage: *deps$'
run_ok msb snapshot open one --format json
assert_contains "$out" '"a": "1=2"'
# In another order they are the same.
msb snapshot create -q two --from box --label b=2 --label a=1 >/dev/null
assert_contains "$(cat "$MSB_HOME/snapshots/two/snapshot.json")" '"labels":{"a":"1","b":"2"}'
msb rm -q -f box
no_leftovers
