#!/usr/bin/env bash
# The files are the truth: a snapshot that was copied or moved by whatever tool is used by its path, also in another home;
# an index that cannot be written fails nothing.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb exec box -- sh -c 'echo kept >/file; sync'
msb stop -q box
digest=$(msb snapshot create -q one --from box --integrity)
works() { # PATH
    run_ok msb snapshot open "$1"
    assert_match "$out" "^Digest: *$digest$"
    run_ok msb snapshot verify "$1"
    assert_contains "$out" "verified ("
    run_ok msb run -q --from "$1" -- cat /file
    assert_eq "$out" kept
}
cp -r --sparse=always "$MSB_HOME/snapshots/one" "$T/copied"
works "$T/copied"
mv "$T/copied" "$T/moved"
works "$T/moved"
(cd "$T" && tar -S -c moved | tar -x --transform 's/moved/untarred/')
works "$T/untarred"
if command -v rsync >/dev/null; then
    rsync -aS "$T/moved/" "$T/synced/"
    works "$T/synced"
fi
MSB_HOME=$T/other works "$T/moved"
# A database that nobody can open.
rm -rf "$MSB_HOME/db" && touch "$MSB_HOME/db"
run msb snapshot create two --from "$T/none"
mv "$MSB_HOME/db" "$T/no-database" && mkdir "$MSB_HOME/db" && mkdir "$MSB_HOME/db/msb.db"
run msb snapshot create two --from box
rm -rf "$MSB_HOME/db"
if [ "$code" -eq 0 ]; then
    run_ok msb snapshot open two
else # the sandbox itself could not be found without one
    assert_contains "$err" "msb.db"
fi
msb rm -q -f box
no_leftovers
