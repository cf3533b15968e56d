# For run.sh: machines that do not end in good order.
# shellcheck shell=sh
step() { echo "== $* ($(cut -d' ' -f1 /proc/uptime) s)"; }

# ended WORDS: the sandbox has ended within 20 s, and its log says why.
ended() {
    tries=0
    until msb inspect one --format json | grep -q GuestCrashed; do
        [ $((tries += 1)) -lt 40 ]
        sleep 0.5
    done
    msb logs one --source system | grep "$1"
    msb rm -f one
}
start() { msb create --name one --engine kvm -q; }

step a panic
start
msb exec one -- sh -c 'echo c >/proc/sysrq-trigger' && exit 1
ended 'the guest kernel panicked'

step an address where nothing is
start
msb exec one -- sh -c 'busybox devmem 0xe0000000 32 || devmem 0xe0000000 32' && exit 1
ended 'where nothing is'

step end
