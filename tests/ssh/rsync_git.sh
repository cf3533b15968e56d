#!/usr/bin/env bash
# ctest: timeout=300
# rsync and git, which have programs of their own at the other end, against a Debian.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ssh_client.sh"
need rsync git umoci
debian_rootfs "$T/root.tar" git rsync
mkdir "$T/root"
tar -C "$T/root" -xf "$T/root.tar" --exclude='./dev/*' --exclude='./usr/share/*' --exclude='./var/lib/apt/*'
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok limited 120 msb load -q -i "$T/image.tar" -t tools
run_ok msb create -q -n box tools
install_ssh_config
export RSYNC_RSH="ssh -F $SSH_CONFIG" GIT_SSH_COMMAND="ssh -F $SSH_CONFIG" HOME=$T/user
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b

mkdir -p "$T/tree/a/b"
head -c 5000000 /dev/urandom >"$T/tree/a/large"
for i in $(seq 200); do echo "$i" >"$T/tree/a/b/$i"; done
ln -s a/large "$T/tree/link"
run_ok limited 60 rsync -a "$T/tree/" box.msb:/srv/tree/
echo more >>"$T/tree/a/large"
rm "$T/tree/a/b/7"
run_ok limited 60 rsync -a --delete "$T/tree/" box.msb:/srv/tree/
run_ok limited 60 rsync -a box.msb:/srv/tree/ "$T/back/"
diff -r "$T/tree" "$T/back"
assert_eq "$(readlink "$T/back/link")" a/large

run_ok msb exec box -- git init -q --bare -b main /srv/repo.git
git init -q -b main "$T/source"
echo text >"$T/source/file"
git -C "$T/source" add file
git -C "$T/source" commit -qm first
run_ok limited 60 git -C "$T/source" push -q box.msb:/srv/repo.git main
run_ok limited 60 git clone -q box.msb:/srv/repo.git "$T/clone"
assert_eq "$(cat "$T/clone/file")" text
run_ok msb rm -q -f box
no_leftovers
