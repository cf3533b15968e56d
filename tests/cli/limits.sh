#!/usr/bin/env bash
# Resource limits of the whole sandbox and of one command; the restricted profile; users.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box --rlimit nofile=500:600 --rlimit nproc=77 --security restricted
run_ok msb exec box -- sh -c 'ulimit -n; ulimit -Hn; grep -o "processes  *[0-9]*" /proc/self/limits | tr -dc 0-9'
assert_eq "$out" "$(printf '500\n600\n77')"
run_ok msb exec --rlimit nofile=123 box -- sh -c 'ulimit -n; ulimit -Hn; grep -o "processes  *[0-9]*" /proc/self/limits | tr -dc 0-9'
assert_eq "$out" "$(printf '123\n123\n77')"
run_ok msb restart -q box
run_ok msb exec -t box -- sh -c 'ulimit -n'
assert_eq "$(printf %s "$out" | tr -d '\r')" 500
run_ok msb exec box -- sh -c 'grep -E "^(NoNewPrivs|CapBnd|CapEff)" /proc/self/status'
assert_match "$out" '^NoNewPrivs:.1$'
assert_match "$out" '^CapEff:.0*[0-9a-f]*[0-9a-f]{5}$'
# CAP_SYS_ADMIN is bit 21.
for user in 0 1234; do
    run_ok msb exec -u $user box -- cat /proc/self/status
    for set in CapInh CapPrm CapEff CapBnd CapAmb; do
        mask=$(printf '%s\n' "$out" | awk -v s="$set:" '$1 == s {print $2}')
        assert_eq "$(((0x$mask >> 21) & 1))" 0 "CAP_SYS_ADMIN in $set of user $user"
    done
done
run_fail any 'not permitted|denied' msb exec box -- mount -t tmpfs none /mnt
run_ok msb run -q --rlimit fsize=1000 -- sh -c 'ulimit -f'
run_fail any '' msb run -q --rlimit fsize=1024 -- sh -c 'head -c 5000 /dev/zero >/tmp/x'
run_fail 1 'unknown|resource' msb create -n no --rlimit nosuch=1
run_fail 1 'soft|hard' msb create -n no --rlimit nofile=5:4
# What the guest's kernel does not take is said at once, not by every command.
run_fail 1 '→ config: .*at most [0-9]+ open files.*nofile=99999999999' msb create -q -n no --rlimit nofile=99999999999
run_ok msb rm -q no
run_ok msb run -q --rlimit cpu=1 --rlimit as=1000000000000 --rlimit nproc=4 -- true

# Users by name and number, their groups and home.
run_ok msb exec box -- sh -c 'echo "u:x:1234:55:u:/tmp:/bin/sh" >>/etc/passwd; echo "more:x:77:u" >>/etc/group'
run_ok msb exec -u u box -- sh -c 'id -u; id -g; id -G; echo $HOME'
assert_eq "$out" "$(printf '1234\n55\n55 77\n/tmp')"
run_ok msb exec -u 1234:99 box -- sh -c 'id -u; id -g; echo $HOME'
assert_eq "$out" "$(printf '1234\n99\n/tmp')"
run_ok msb exec -u 4321 box -- sh -c 'id -u; id -G; echo $HOME'
assert_eq "$out" "$(printf '4321\n0\n/')"
run_ok msb exec -u u -e HOME=/given -w /etc box -- sh -c 'echo $HOME; pwd'
assert_eq "$out" "$(printf '/given\n/etc')"
run_fail 1 'exec timed out after 1' msb exec --timeout 1s box -- sleep 100
run_ok msb kill -q box
no_leftovers
