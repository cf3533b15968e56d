#!/usr/bin/env bash
# ctest: timeout=240
# Files by OpenSSH's sftp and scp, rsync and git.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ssh_client.sh"
need scp sftp

run_ok msb create -q -n box
run_ok msb exec box -- sh -c 'echo "user:x:1000:1000::/home/user:/bin/sh" >>/etc/passwd'
install_ssh_config
digest() { sha256sum "$@" | cut -c1-64; }
head -c 30000001 /dev/urandom >"$T/data"

# scp uses SFTP: whole files, modes and times, trees.
chmod 640 "$T/data"
touch -d '2020-02-03 04:05:06 UTC' "$T/data"
run_ok scp -qp -F "$SSH_CONFIG" "$T/data" box.msb:/tmp/data
assert_eq "$(msb exec box -- sha256sum /tmp/data | cut -c1-64)" "$(digest "$T/data")"
assert_eq "$(msb exec box -- stat -c '%a %Y' /tmp/data)" "640 1580702706"
run_ok scp -q -F "$SSH_CONFIG" box.msb:/tmp/data "$T/back"
cmp "$T/data" "$T/back"
# Over what is there already, and shorter.
head -c 100000 "$T/data" >"$T/short"
run_ok scp -q -F "$SSH_CONFIG" "$T/short" box.msb:/tmp/data
assert_eq "$(msb exec box -- sha256sum /tmp/data | cut -c1-64)" "$(digest "$T/short")"
mkdir -p "$T/tree/sub dir"
for i in $(seq 300); do echo "$i" >"$T/tree/sub dir/file $i"; done
: >"$T/tree/empty"
run_ok scp -qr -F "$SSH_CONFIG" "$T/tree" box.msb:/srv/new
run_ok scp -qr -F "$SSH_CONFIG" box.msb:/srv/new "$T/tree back"
diff -r "$T/tree" "$T/tree back"
run_fail any 'No such file' scp -q -F "$SSH_CONFIG" box.msb:/no/such "$T/x"

# sftp: every operation that it has.
run_ok sftp -q -F "$SSH_CONFIG" -b - box.msb <<SFTP
mkdir /tmp/dir
-mkdir /tmp/dir
cd /tmp/dir
put $T/short one
rename one two
symlink two link
ln two hard
chmod 600 two
chown 1000 two
chgrp 1000 two
ls -l
df /tmp
get link $T/through link
-get missing $T/missing
-rmdir /tmp/dir
SFTP
assert_contains "$err" 'mkdir "/tmp/dir": Failure'
assert_contains "$err" 'not found'
assert_match "$out" 'rw-------.* 1000 .* two$'
assert_match "$out" '^l.* link'
assert_no_path "$T/missing"
assert_eq "$(msb exec box -- sh -c 'cd /tmp/dir; ls; readlink link; stat -c "%a %u %g %h" two')" \
    $'hard\nlink\ntwo\ntwo\n600 1000 1000 2'
run_ok sftp -q -F "$SSH_CONFIG" -b - box.msb <<SFTP
rm /tmp/dir/*
rmdir /tmp/dir
reput $T/data /tmp/data
SFTP
assert_eq "$(msb exec box -- sha256sum /tmp/data | cut -c1-64)" "$(digest "$T/data")"

# As the user who logs in, with that user's rights.
run_ok msb exec box -- sh -c 'echo secret >/root/secret; chmod 600 /root/secret; chmod 700 /root'
run_fail any 'Permission denied' scp -q -F "$SSH_CONFIG" "$T/short" user@box.msb:/root/new
run_fail any . scp -q -F "$SSH_CONFIG" user@box.msb:/root/secret "$T/x"
run_ok scp -q -F "$SSH_CONFIG" "$T/short" user@box.msb:/tmp/mine
assert_eq "$(msb exec box -- stat -c %u /tmp/mine)" 1000

# A full file system and a stuck reader are errors and pauses, not ends.
run_ok msb exec box -- sh -c 'mkdir /small; mount -t tmpfs -o size=1m tmpfs /small'
run_fail any . scp -q -F "$SSH_CONFIG" "$T/data" box.msb:/small/data
run_ok msb rm -q -f box
no_leftovers
