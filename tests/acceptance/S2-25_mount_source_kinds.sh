#!/usr/bin/env bash
# A source of the wrong kind, or none, fails before anything is started.
. "$(dirname "$0")/../lib.sh"

mkdir "$T/dir"
touch "$T/file"
mkfifo "$T/fifo"
for command in run create; do
    for source in file fifo none; do
        run_fail any "mount-dir source is not a directory: $T/$source" msb $command --mount-dir "$T/$source:/x"
    done
    for source in dir fifo none; do
        run_fail any "mount-file source is not a regular file: $T/$source" msb $command --mount-file "$T/$source:/x"
    done
    for source in dir fifo none; do
        run_fail any "mount-disk source is not a regular file: $T/$source" msb $command --mount-disk "$T/$source:/x"
    done
    for source in ./dir "$T/file" ..; do
        run_fail any "a volume's name starts with" msb $command --mount-named "$source:/x"
    done
done
[ ! -d "$MSB_HOME/sandboxes" ] || [ -z "$(ls "$MSB_HOME/sandboxes")" ] || fail_test "a sandbox was made"
no_leftovers
