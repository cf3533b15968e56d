#!/bin/bash
# Every role of jailed process, entered for real, fails at everything it must not be able to do.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"

mkdir "$T/files"
chmod 755 "$T" "$T/files"
run_ok "$MSB_BUILD/tests/jail/trespass" "$T/files"
echo "$out"

# The same as an ordinary user, who has only unprivileged user namespaces to build jails from.
if [ "$(id -u)" -eq 0 ]; then
    cp -r "$MSB_BUILD/tests/jail" "$T/programs"
    chown -R 12345:12345 "$T/files" && rm -rf "$T"/files/*
    run_ok setpriv --reuid 12345 --regid 12345 --clear-groups \
        "$T/programs/trespass" "$T/files"
    echo "as an ordinary user: $out"
fi
