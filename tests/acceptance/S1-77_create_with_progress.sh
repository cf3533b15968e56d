#!/usr/bin/env bash
# Creating a sandbox with reports about the pull of its image: events to iterate over, then the sandbox, once.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3
python_tests test_boot.Boot.test_progress

make_rootfs "$T/root"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
start_registry
push_image "$T/layout" lib/thing:1
cat >"$T/pull.py" <<'PY'
import asyncio, sys
from microsandbox import Sandbox

async def main():
    session = Sandbox.create_with_progress("box", image=sys.argv[1], memory=256)
    kinds = [event.event_type async for event in session.progress]
    assert kinds[:2] == ["resolving", "resolved"] and kinds[-1] == "complete", kinds
    assert "layer_materialize_complete" in kinds, kinds
    async with await session.result() as sandbox:
        assert (await sandbox.exec("true")).success

asyncio.run(main())
print("ok")
PY
run_ok python_sdk "$T/pull.py" "$REGISTRY/lib/thing:1"
assert_eq "$out" ok
no_leftovers
