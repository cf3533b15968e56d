#!/bin/bash
# Each kernel bundle boots, works and ends in the engine's jail inside a runtime's jail, as root and as
# an ordinary user; and nothing of it survives.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"

shopt -s nullglob
bundles=("$MSB_BUILD"/share/microsandbox/kernels/uml-*)
[ ${#bundles[@]} -gt 0 ] || skip "no kernel bundle: make kernel-any"

cp -r "$MSB_BUILD/tests/jail" "$T/programs"
chmod 755 "$T"

check() { # NAME RUNNER...: boots with the given prefix command
    local bundle=$1
    shift
    run_ok "$@" "$T/programs/boot" "$bundle" poweroff restart work work-restricted panic hang device orphan
    echo "$out"
    # The host counts CPU time in ticks of 10 ms: a fast boot may have used none.
    for want in '^poweroff: powered_off; guest is up' '^restart: powered_off; guest is up' \
        '^work: powered_off; guest works' '^work-restricted: powered_off; guest works' \
        '^panic: panic; .*Kernel panic' '^hang: killed, (used CPU time|idle); guest is up' \
        '^device: powered_off; guest is up' '^orphan: ; guest is up'; do
        grep -Eq -- "$want" <<<"$out" || fail_test "no line matches /$want/"
    done
}

for bundle in "${bundles[@]}"; do
    cp -rL "$bundle" "$T/bundle"
    check "$T/bundle" env
    if [ "$(id -u)" -eq 0 ]; then
        check "$T/bundle" setpriv --reuid 12345 --regid 12345 --clear-groups
    fi
    rm -rf "$T/bundle"
done
