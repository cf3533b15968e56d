#!/usr/bin/env bash
# A guest fills what it may add to a share, and no more; the host and other shares do not notice.
# ctest: timeout=200
. "$(dirname "$0")/../lib.sh"
need_kernel

mkdir "$T/dir" "$T/other"
head -c 3000000 /dev/zero >"$T/dir/before"
run_ok msb create -q -n box -v "$T/dir:/w:quota=8M,quota-inodes=20" -v "$T/other:/o"
run_ok msb inspect box
assert_match "$out" 'quota=8MiB.*quota-inodes=20'
guest() { run msb exec box -- sh -c "$1"; }

guest 'dd if=/dev/zero of=/w/big bs=1M count=20 2>&1; df -k /w | tail -n 1'
assert_match "$out" 'No space left on device'
assert_match "$out" ' 8192 +8192 +0 100% /w'
assert_eq "$(stat -c %s "$T/dir/big")" $((8 << 20))
guest 'echo x >/w/more && cat /w/more'
assert_match "$err" 'No space left'
# Removing gives it back; what the host has there counts neither way until the guest changes it.
guest 'rm /w/big /w/more; dd if=/dev/zero of=/w/big bs=1M count=8 2>&1 && echo fits'
assert_match "$out" fits
guest 'rm /w/big; truncate -s 1G /w/sparse'
assert_match "$err" 'No space left'
rm -f "$T/dir/sparse"
guest 'mkdir /w/d; i=0; while true >/w/d/$i; do i=$((i + 1)); done 2>/dev/null; ls /w/d | wc -l'
made=$out
if [ "$made" -lt 15 ] || [ "$made" -gt 20 ]; then fail_test "$made files fit"; fi
guest 'mkdir /w/e || ln -s x /w/d/l || ln /w/before /w/d/h || echo full'
assert_eq "$out" full
guest 'echo fine >/o/file && rm -r /w/d && mkdir /w/e && rmdir /w/e && echo again'
assert_eq "$out" again
assert_eq "$(cat "$T/other/file")" fine
# A start later, it begins anew; the default is 4 GiB.
run_ok msb restart -q box
guest 'dd if=/dev/zero of=/w/big bs=1M count=8 2>&1 && df -k /o | tail -n 1'
assert_match "$out" ' 4194304 '
run_ok msb rm -q -f box
run_ok msb run -v "$T/other:/o:quota=unlimited,quota-inodes=unlimited" -- df -k /o
assert_not_contains "$out" ' 4194304 '
for bad in quota=0 quota= quota=x quota-inodes=0 quota-inodes=many; do
    run_fail any "quota" msb run -v "$T/other:/o:$bad" -- true
done
no_leftovers
