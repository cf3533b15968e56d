#!/usr/bin/env bash
# git, SQLite and what npm does with many files, on both sides of one share at the same time: nothing is torn or
# lost. STORM_SECONDS (default 8) says for how long.
# ctest: timeout=400
# ctest: heavy
. "$(dirname "$0")/../lib.sh"
need_kernel
need git python3 mmdebstrap umoci

seconds=${STORM_SECONDS:-8}
work_image work:latest
mkdir "$T/dir"
cp "$(dirname "$0")/storm.py" "$T/dir/"
git -C "$T/dir" init -q repo
run_ok msb create -q -n box -m 1G -v "$T/dir:/x" -w /x work:latest
(cd "$T/dir" && exec python3 storm.py host "$seconds") >"$T/host" &
host=$!
HELPER_PIDS+=("$host")
run_ok limited $((seconds + 120)) msb exec box -- python3 storm.py guest "$seconds"
guest_made=$out
wait "$host"
host_made=$(cat "$T/host")
echo "host: $host_made; guest: $guest_made"
assert_not_contains "$host_made$guest_made" WRONG

made() { echo "$guest_made $host_made" | tr ' ' '\n' | awk -F= -v name="$1" '$1 == name { n += $2 } END { print n }'; }
for side in host guest; do
    run_it() { if [ $side = host ]; then (cd "$T/dir" && run_ok bash -euc "$1"); else run_ok msb exec box -- bash -euc "$1"; fi; }
    run_it 'git -c safe.directory="*" -C repo fsck --strict'
done
assert_eq "$(git -c safe.directory='*' -C "$T/dir/repo" rev-list --count HEAD)" "$(made commits)"
rows() { python3 -c 'import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
print(*database.execute("pragma integrity_check").fetchone(), *database.execute("select count(*), count(distinct number) from t").fetchone())' "$T/dir/$1"; }
assert_eq "$(rows both.db)" "ok $(made rows) $(made rows)"
run_ok msb rm -q -f box
for side in host guest; do
    own=$(eval "echo \"\$${side}_made\"" | tr ' ' '\n' | sed -n 's/^own=//p')
    assert_eq "$(rows $side.db)" "ok $own $own"
done
no_leftovers
