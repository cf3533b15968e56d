#!/usr/bin/env bash
# Options of run reach the command: environment, directory, user, host name, limits, entrypoint.
. "$(dirname "$0")/../lib.sh"
need_kernel

export FROM_HOST=copied
run_ok msb run -q -e A=1 -e "B=two words" -e FROM_HOST -- sh -c 'echo "$A|$B|$FROM_HOST|$HOME|$PATH"'
assert_eq "$out" "1|two words|copied|/root|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" environment

run_ok msb run -q -w /tmp -- pwd
assert_eq "$out" /tmp workdir
# If it is missing or not a directory nothing is started; but a guest may remove it later.
run_fail 1 "→ config: working directory '/does/not/exist': No such file" msb run -q -w /does/not/exist -- pwd
run_fail 1 "working directory '/etc/passwd': Not a directory" msb create -q -n odd -w /etc/passwd
run_ok msb rm -q odd
run_ok msb create -q -n odd -w /var/tmp
run_ok msb exec odd -- rm -r /var/tmp
run_ok msb restart -q odd
run_ok msb rm -q -f odd

run_ok msb run -q -u 1234:77 -- id
assert_contains "$out" "uid=1234" "numeric user"
assert_contains "$out" "gid=77" "numeric group"
run_fail 1 'guest user not found: nobody-here' msb run -q -u nobody-here -- id

run_ok msb run -q -H some-host -- hostname
assert_eq "$out" some-host hostname
run_ok msb run -q -H some-host -- sh -c 'grep -c some-host /etc/hosts /etc/hostname | sort'
assert_match "$out" '/etc/hosts:[1-9]'
assert_match "$out" '/etc/hostname:1'

run_ok msb run -q --rlimit nofile=77:88 -- sh -c 'ulimit -n; ulimit -Hn'
assert_eq "$out" $'77\n88' "open file limits"

run_ok msb run -q --entrypoint echo -- one two
assert_eq "$out" "one two" entrypoint

# What programs expect to find.
run_ok msb run -q -- sh -c 'for p in /dev/null /dev/pts /dev/shm /dev/fd/0 /proc/self/status /sys/kernel /run /tmp; do
  [ -e $p ] || echo missing $p; done; stat -c %a /tmp; touch /root/file /tmp/file && echo writable'
assert_eq "$out" $'1777\nwritable' "file system of the guest"

start=$SECONDS
run_fail 1 'timed out after' msb run -q --timeout 2s -- sleep 100
[ $((SECONDS - start)) -lt 20 ] || fail_test "--timeout 2s took $((SECONDS - start)) s"

run_ok msb run -q --timings -- true
for stage in host engine kernel root ready exec command teardown total; do
    assert_match "$err" "^$stage +[0-9.]+ ms" "timings"
done

# exec without a command: the sandbox's own (entrypoint and command), or else a warning and nothing is started.
run_ok msb run -q -n said -- echo said
run_ok msb exec said
assert_eq "$out" said
run_ok msb exec said -- echo other
assert_eq "$out" other
run_ok msb create -q -n entry --entrypoint id
run_ok msb exec entry
assert_match "$out" '^uid=0'
run_ok msb exec entry -- echo alone
assert_eq "$out" alone "an explicit command, without the entrypoint"
need umoci
make_rootfs "$T/root"
new_image "$T/layout"
umoci config --image "$T/layout:latest" --clear config.cmd >/dev/null
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t idle
run_ok msb create -q -n idle idle
run_ok msb stop -q idle
run_ok msb exec idle
assert_eq "$out" ""
assert_contains "$err" "no command provided and stdin is not a terminal"
run_ok msb rm -q -f said entry idle
no_leftovers
