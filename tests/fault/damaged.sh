#!/usr/bin/env bash
# Files of a sandbox that are damaged: the others are not hurt, every command says what is wrong and
# what to do, and the sandbox can be removed or replaced.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n whole
run_ok msb create -q -n worn
run_ok msb stop -q worn
dir=$MSB_HOME/sandboxes/worn
cp "$dir/spec.json" "$T/spec.json"

# damage WHAT: one of the ways in which spec.json can be unusable.
damage() {
    rm -rf "$dir/spec.json"
    case $1 in
    truncated) echo '{' >"$dir/spec.json" ;;
    empty) : >"$dir/spec.json" ;;
    other) echo '{"name": 5}' >"$dir/spec.json" ;;
    foreign) sed 's/"name": "worn"/"name": "whole"/' "$T/spec.json" >"$dir/spec.json" ;;
    senseless) sed 's/"cpus": 1/"cpus": 0/' "$T/spec.json" >"$dir/spec.json" ;;
    directory) mkdir "$dir/spec.json" ;;
    fifo) mkfifo "$dir/spec.json" ;;
    link) ln -s ../whole/spec.json "$dir/spec.json" ;;
    esac
}
for way in truncated empty other foreign senseless directory fifo link; do
    damage $way
    run_ok msb ls -q
    assert_eq "$out" whole "ls -q beside a spec that is $way"
    assert_contains "$err" "sandbox 'worn' is damaged"
    assert_contains "$err" "msb rm -f worn"
    assert_not_contains "$err" json.exception
    run_ok msb ps -a
    assert_contains "$out" whole "ps beside a spec that is $way"
    for command in 'exec worn -- true' 'inspect worn' 'start worn' 'rm worn' 'create -n worn'; do
        # shellcheck disable=SC2086
        run_fail 1 "sandbox 'worn' is damaged" msb $command
        assert_contains "$err" "msb rm -f worn" "hint of $command"
        assert_not_contains "$err" json.exception
    done
done
run_ok msb exec whole -- true

# The index is rebuilt without it.
rm -f "$MSB_HOME"/db/msb.db*
run_ok msb ls -q
assert_eq "$out" whole "ls without an index"
run_ok msb rm -q -f worn
assert_no_path "$dir"
run_ok msb ls
assert_eq "$err" "" "warnings after the removal"

# No sandbox at all: a file in the place of its directory, and an empty directory, which just goes.
touch "$dir"
mkdir "$MSB_HOME/sandboxes/empty"
run_ok msb ls -q
assert_eq "$out" whole "ls beside what is no sandbox"
assert_contains "$err" "sandbox 'worn' is damaged"
assert_no_path "$MSB_HOME/sandboxes/empty"
run_ok msb rm -q -f worn
assert_no_path "$dir"

# Replaced; while it runs, too.
for state in stopped running; do
    run_ok msb create -q -n worn
    [ $state = running ] || run_ok msb stop -q worn
    damage truncated
    run_ok msb create -q -n worn --replace-with-timeout 2s
    run_ok msb exec worn -- echo new
    assert_eq "$out" new "the one that replaced a $state one"
    run_ok msb rm -q -f worn
done
run_ok msb create -q -n worn
damage directory
run_ok msb rm -q -f worn
assert_no_path "$dir"

# Other files: the state can be lost, logs are made again, a disk cannot be.
run_ok msb create -q -n worn
run_ok msb stop -q worn
for way in 'echo {' 'echo "{\"status\": []}"' true; do
    eval "$way" >"$dir/state.json"
    run_ok msb ls -q
    assert_contains "$out" worn
done
rm "$dir/state.json"
mkfifo "$dir/state.json"
run_ok msb ls -q
assert_contains "$out" worn "with a state that is a FIFO"
rm -rf "$dir/logs"
run_ok msb start -q worn
run_ok msb exec worn -- true
run_ok msb stop -q worn
# Links that a runtime could have left there are not followed.
echo mine >"$T/mine"
rm "$dir/logs/runtime.log"
ln -s "$T/mine" "$dir/logs/runtime.log"
run_fail 1 'runtime.log' msb start worn
rm "$dir/logs/runtime.log"
mv "$dir/logs" "$T/logs"
ln -s "$T/logs" "$dir/logs"
run_fail 1 'logs' msb start worn
rm "$dir/logs"
mv "$T/logs" "$dir/logs"
mv "$dir/upper.ext4" "$T/disk"
ln -s "$T/disk" "$dir/upper.ext4"
run_fail 1 'upper.ext4' msb start worn
assert_eq "$(cat "$T/mine")" mine
# And the runtime cannot write the files that the next start trusts.
rm "$dir/upper.ext4"
mv "$T/disk" "$dir/upper.ext4"
run_ok msb start -q worn
runtime=$(cat "$(find "$MSB_HOME/run/locks" -name '*.pid' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)")
assert_match "$(cat "/proc/$runtime/mountinfo")" ' /sandbox/spec.json ro'
run_ok msb stop -q worn

rm "$dir/upper.ext4"
run_fail 1 'upper.ext4' msb start worn
assert_contains "$err" 'remove the sandbox and make it again'
run_ok msb rm -q worn
run_ok msb rm -q -f whole
no_leftovers
