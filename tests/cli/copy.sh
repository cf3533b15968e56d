#!/usr/bin/env bash
# msb cp in every direction: names, trailing slashes, attributes, refusals.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3

run_ok msb create -q -n box
guest() { "$MSB" exec box -- sh -c "$1"; }

mkdir -p "$T/tree/sub" "$T/out"
printf 'hello' >"$T/tree/file"
chmod 640 "$T/tree/file"
touch -d '2001-02-03 04:05:06.789' "$T/tree/file"
ln -s file "$T/tree/link"
ln "$T/tree/file" "$T/tree/sub/same"
truncate -s 64M "$T/tree/sparse"
printf 'end' >>"$T/tree/sparse"
printf 'odd' >"$T/tree/sub/$(printf 'b\xff \n')"

# --- names
run_ok msb cp "$T/tree/file" box:/tmp/renamed
assert_contains "$err" "Copied"
assert_eq "$(guest 'cat /tmp/renamed')" hello
run_ok msb copy -q "$T/tree/file" box:/tmp
assert_eq "$err" ""
assert_eq "$(guest 'cat /tmp/file')" hello
run_ok msb cp -q "$T/tree/file" box:/tmp/made/deep/
assert_eq "$(guest 'cat /tmp/made/deep/file')" hello
run_ok msb cp -q "$T/tree" box:/tmp/new
run_ok msb cp -q "$T/tree" box:/tmp/new
run_ok msb cp -q "$T/tree/." box:/tmp/made
assert_eq "$(guest 'cat /tmp/new/file /tmp/new/tree/file /tmp/made/file')" hellohellohello
run_fail 1 "not an existing directory" msb cp "$T/tree/file" box:/tmp/none/file
run_fail 1 "No such file" msb cp "$T/none" box:/tmp
run_fail 1 "No such file" msb cp box:/none "$T/out"
run_fail 1 "at least one sandbox endpoint" msb cp "$T/tree" "$T/out/x"
run_fail 1 "must be absolute" msb cp "$T/tree" box:tmp
run_fail 1 "sandbox not found: nobox" msb cp "$T/tree" nobox:/tmp
run_fail 1 "not a directory" msb cp "$T/tree" box:/tmp/renamed

# --- a tree there and back
assert_eq "$(guest 'stat -c "%a %Y %u %h" /tmp/new/file')" "640 $(stat -c '%Y' "$T/tree/file") 0 2"
assert_eq "$(guest 'readlink /tmp/new/link')" file
[ "$(guest 'du -k /tmp/new/sparse | cut -f1' 2>/dev/null || guest 'stat -c %b /tmp/new/sparse')" -lt 2048 ] ||
    fail_test "the sparse file is not sparse in the guest"
run_ok msb cp -q box:/tmp/new "$T/out/back"
rm -r "$T/out/back/tree"
(cd "$T/tree" && find . -printf '%p %y %m %s %l %T@ %n\n' | sort) >"$T/want"
(cd "$T/out/back" && find . -printf '%p %y %m %s %l %T@ %n\n' | sort) >"$T/got"
# The directory's own time is that of the removal above.
sed -i '/^\. d/d' "$T/want" "$T/got"
diff "$T/want" "$T/got" || fail_test "the tree has changed on its way"
cmp "$T/tree/sparse" "$T/out/back/sparse"
[ "$(stat -c %b "$T/out/back/sparse")" -lt 2048 ] || fail_test "the sparse file is not sparse here"

# --- times of access, which looking at a file changes
mkdir -p "$T/accessed/dir"
echo x >"$T/accessed/file"
ln -s file "$T/accessed/link"
touch -h -a -d @1000000000.5 "$T/accessed/"{file,dir,link}
run_ok msb cp -q "$T/accessed" box:/tmp/accessed
assert_eq "$(guest 'cd /tmp/accessed && stat -c %X file dir link | tr "\n" " "')" "1000000000 1000000000 1000000000 "
run_ok msb cp -q box:/tmp/accessed "$T/out/accessed"
assert_eq "$(cd "$T/out/accessed" && stat -c %.1X file dir link | uniq)" 1000000000.5

# --- between sandboxes, and inside one
run_ok msb create -q -n other
run_ok msb cp -q box:/tmp/new other:/tmp/moved
assert_eq "$("$MSB" exec other -- cat /tmp/moved/sub/same)" hello
run_ok msb cp -q box:/tmp/renamed box:/tmp/renamed2
assert_eq "$(guest 'cat /tmp/renamed2')" hello
run_fail 1 "into itself" msb cp box:/tmp/new box:/tmp/new/sub
run_fail 1 "same file" msb cp box:/tmp/renamed box:/tmp

# --- archives
"$MSB" cp -q box:/tmp/new - >"$T/new.tar"
mkdir "$T/unpacked" # -O would show nothing for the one of two names that came as the hard link
tar -C "$T/unpacked" -xf "$T/new.tar"
assert_eq "$(cat "$T/unpacked/new/file")" hello
tar -C "$T" -cf - tree | "$MSB" cp -q - box:/home
assert_eq "$(guest 'cat /home/tree/file')" hello
run_fail 1 "existing directory" sh -c '"$0" cp - box:/tmp/renamed <"$1"' "$MSB" "$T/new.tar"
run_fail 1 "tar: " sh -c 'head -c 5000 /dev/urandom | "$0" cp - box:/home' "$MSB"

# --- users
run_ok msb exec box -- chmod 700 /root
run_fail 1 "Permission denied" msb cp -u user "$T/tree/file" box:/root/x
run_ok msb cp -q -u user "$T/tree/file" box:/home/user/
assert_eq "$(guest 'stat -c "%u %g" /home/user/file')" "1000 1000"
run_fail 1 "user not found: nobody9" msb cp -u nobody9 "$T/tree/file" box:/tmp
run_ok msb exec box -- chown 1000:1001 /tmp/renamed
if [ "$(id -u)" = 0 ]; then
    run_ok msb cp -q -a box:/tmp/renamed "$T/out/owned"
    assert_eq "$(stat -c '%u %g' "$T/out/owned")" "1000 1001"
fi
run_ok msb cp -q box:/tmp/renamed "$T/out/mine"
assert_eq "$(stat -c '%u' "$T/out/mine")" "$(id -u)"

# --- what a guest must not do to us
guest 'mkdir /evil && ln -s ../../../../etc /evil/up && ln -s /etc/passwd /evil/abs && chmod 4755 /tmp/renamed'
run_fail 1 "leaves the copied tree" msb cp box:/evil "$T/out"
assert_no_path "$T/out/evil"
run_ok msb cp --links skip box:/evil "$T/out"
assert_contains "$err" "1 links"
assert_eq "$(readlink "$T/out/evil/abs")" etc/passwd
run_ok msb cp -q box:/tmp/renamed "$T/out/setuid"
assert_eq "$(stat -c %a "$T/out/setuid")" 755
# Attributes that shares keep owners in come neither from us nor from an archive, and not back.
cat >"$T/attributes.py" <<'PY'
import io, os, sys, tarfile
if sys.argv[1] == "list":
    print(*sorted(os.listxattr(sys.argv[2])))
    sys.exit()
info = tarfile.TarInfo("forged")
info.size = 1
info.pax_headers = {"SCHILY.xattr.user.msb.override_stat": "forged", "SCHILY.xattr.user.note": "kept"}
with tarfile.open(sys.argv[2] + ".tar", "w", format=tarfile.PAX_FORMAT) as archive:
    archive.addfile(info, io.BytesIO(b"x"))
open(sys.argv[2], "w").close()
for name in "user.msb.override_stat", "user.note":
    os.setxattr(sys.argv[2], name, b"x")
PY
if python3 "$T/attributes.py" make "$T/marked" 2>/dev/null; then
    run_ok msb cp -q -a "$T/marked" box:/marked
    run_ok msb cp -q -a - box:/ <"$T/marked.tar"
    for name in marked forged; do
        run_ok msb cp -q -a "box:/$name" "$T/out/$name"
        assert_eq "$(python3 "$T/attributes.py" list "$T/out/$name")" user.note "attributes of $name"
    done
fi
guest 'mkdir /fifo && [ -p /fifo/p ] || mkfifo /fifo/p 2>/dev/null || busybox mkfifo /fifo/p 2>/dev/null || true'
if guest '[ -p /fifo/p ]'; then
    run_fail 1 "FIFO, which cannot be copied" msb cp box:/fifo "$T/out"
fi
run_fail 1 "device node" msb cp box:/dev/null "$T/out/null"
run_fail 1 "not a regular file" msb cp box:/tmp/renamed /dev/null
[ -c /dev/null ] || fail_test "/dev/null was replaced"
find "$T/out" -name '.msb-copy-*' | grep . && fail_test "temporary names are left"

# --- a stopped sandbox
run_ok msb stop -q other
run_ok msb cp -q "$T/tree/file" other:/tmp/late
assert_eq "$(msb ls --stopped -q)" other
run_ok msb cp -q other:/tmp/late "$T/out/late"
assert_eq "$(cat "$T/out/late")" hello

run_ok msb rm -q -f box other
no_leftovers
