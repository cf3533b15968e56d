#!/usr/bin/env bash
# bench/init.sh [ROUNDS]: how long guests with an init system take until they are up and until they
# are stopped again: systemd, sysvinit, runit of a Debian image (made once and cached) and busybox; and
# one without (goal: stopped within 100 ms). Medians of ROUNDS (5), in turns.
#
#   ready    `msb create` begins .. systemctl is-system-running says running or degraded (systemd);
#            the first exec has answered (others)
#   stopped  `msb stop` begins .. it returns
rounds=${1:-5}
# The images are those of the tests, whose library is used without its supervisor.
export MSB_TEST_SUPERVISOR=none
. "$(dirname "$0")/../tests/lib.sh"

debian_inits_image inits
init_image busybox-init

is_up() { # NAME
    case $1 in
    systemd)
        case $(msb exec box -- systemctl is-system-running 2>/dev/null || :) in
        running | degraded) ;;
        *) return 1 ;;
        esac
        ;;
    *) msb exec box -- true ;;
    esac
}

round() { # NAME IMAGE [INIT]
    local begin ready
    begin=${EPOCHREALTIME/./}
    msb create -q -m 1G -n box ${3:+--init "$3"} "$2"
    until is_up "$1"; do sleep 0.1; done
    ready=${EPOCHREALTIME/./}
    echo $(((ready - begin) / 1000)) >>"$T/$1.ready"
    msb stop -q -t 60 box
    echo $(((${EPOCHREALTIME/./} - ready) / 1000)) >>"$T/$1.stopped"
    msb rm -q box
}

median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

for _ in $(seq "$rounds"); do
    round systemd inits /lib/systemd/systemd
    round sysvinit inits /sbin/init
    round runit inits /lib/runit/runit-init
    round busybox busybox-init /sbin/init
    round none busybox-init
done
echo "machine: $(nproc) cores, $(uname -r); load $(cut -d' ' -f1 /proc/loadavg); $rounds rounds"
for name in systemd sysvinit runit busybox none; do
    printf '%-10s ready %6d ms   stopped %6d ms\n' "$name" "$(median "$T/$name.ready")" "$(median "$T/$name.stopped")"
done
