#!/usr/bin/env bash
# A volume that is there with another kind, quota, capacity or label than was asked for is an error, and is never changed.
. "$(dirname "$0")/../lib.sh"
need_kernel

msb volume create -q dir --quota 1G --label team=blue --label tier=1
msb volume create -q disk --kind disk --size 256M
state() { msb volume inspect dir --format json && msb volume inspect disk --format json; }
before=$(state)
for command in run create; do
    run_fail any "volume 'dir' has the kind dir, not disk" msb $command --mount-named dir:/x:kind=disk,size=256M
    run_fail any "volume 'dir' has the quota 1024 MiB, not 2048 MiB" msb $command --mount-named dir:/x:quota=2G
    run_fail any "volume 'disk' has the kind disk, not dir" msb $command --mount-named disk:/x:kind=dir
    run_fail any "volume 'disk' has the size 256 MiB, not 512 MiB" msb $command --mount-named disk:/x:kind=disk,size=512M
done
cat >"$T/labels.py" <<'PY'
import asyncio
from microsandbox import InvalidConfigError, Sandbox, Volume

async def main():
    for labels in ({"team": "red"}, {"other": "1"}):
        try:
            await Sandbox.create("box", volumes={"/x": Volume.named("dir", mode="ensure-exists", labels=labels)})
            print("made")
        except InvalidConfigError as error:
            print(error)
    async with await Sandbox.create("box", volumes={"/x": Volume.named("dir", mode="ensure-exists", labels={"team": "blue"})}):
        print("the same label fits")

asyncio.run(main())
PY
run_ok python_sdk "$T/labels.py"
assert_match "$out" "volume 'dir' has the label team 'blue', not 'red'"
assert_match "$out" "volume 'dir' has the label other -, not '1'"
assert_match "$out" "the same label fits"
assert_eq "$(state)" "$before" "the volumes"

# What is not said fits any volume, and what is said and the same fits, too.
run_ok msb run --mount-named dir:/x:kind=dir,quota=1G --mount-named disk:/y:kind=disk,size=256M -- true
run_ok msb run -v dir:/x -v disk:/y -- true
run_ok msb ls -q
assert_eq "$out" ""
no_leftovers
