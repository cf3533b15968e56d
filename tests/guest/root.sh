#!/usr/bin/env bash
# The file system a command finds: mounts, permissions, names, and changes that last.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box -m 256M
run_ok msb exec box -- cat /proc/mounts
for mount in "overlay / overlay" "devtmpfs /dev devtmpfs" "proc /proc proc" "sysfs /sys sysfs" "devpts /dev/pts devpts" \
    "shm /dev/shm tmpfs" "mqueue /dev/mqueue mqueue" "cgroup2 /sys/fs/cgroup cgroup2"; do
    assert_contains "$out" "$mount" "mounts"
done
assert_match "$out" '^devpts .*gid=5,mode=620,ptmxmode=666'

run_ok msb exec box -- sh -c 'for d in /tmp /var/tmp /dev/shm /run; do stat -c "%a %n" $d; done
    for l in fd stdin stdout stderr; do readlink /dev/$l; done
    for n in null zero full random urandom tty ptmx; do test -c /dev/$n || echo missing $n; done
    echo through >/dev/stdout; hostname; cat /etc/hostname; ifconfig lo | grep -o "inet addr:[0-9.]*"'
assert_eq "$out" "1777 /tmp
1777 /var/tmp
1777 /dev/shm
755 /run
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
through
box
box
inet addr:127.0.0.1"
run_ok msb exec box -- cat /etc/hosts
assert_match "$out" '^127\.0\.0\.1.*localhost box$'

# An ordinary user may use its own streams and the world-writable places, and no others.
run_ok msb exec box -u 1234 -- sh -c 'echo mine >/dev/stdout; touch /tmp/a /dev/shm/a; touch /etc/a 2>/dev/null || echo refused'
assert_eq "$out" "mine
refused"

# What a command leaves where the agent writes is never followed.
run_ok msb exec box -- sh -c 'echo precious >/root/keep; cd /etc; rm -f hosts hostname; ln -s /root/keep hosts; mkfifo hostname
    cp /bin/busybox /usr/bin/mine; mv /usr/bin/mine /usr/bin/renamed; mv /root /root2; chmod 700 /bin/busybox'
run_ok msb stop -q box
run_ok msb start -q box
run_ok msb exec box -- sh -c 'cat /root2/keep; test -f /etc/hosts && ! test -L /etc/hosts && test -f /etc/hostname && echo plain
    cmp /bin/busybox /usr/bin/renamed && stat -c %a /bin/busybox'
assert_eq "$out" "precious
plain
700"
run_ok msb kill -q box
no_leftovers
