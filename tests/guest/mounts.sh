#!/usr/bin/env bash
# A directory of the host under the work that programs do in it: trees, many files, databases, mapped and locked
# files, holes, files that are removed while they are open.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
need_kernel
need git python3 mmdebstrap umoci

mkdir "$T/dir"
work_image work:latest
run_ok msb create -q -n box -v "$T/dir:/x" work:latest
in_guest() { run_ok limited 100 msb exec box -- sh -euc "$1"; }

# A tree, there and back.
in_guest 'cp -a /usr/lib/git-core /x/tree && diff -r --no-dereference /usr/lib/git-core /x/tree && cp -a /x/tree /root/back &&
    diff -r --no-dereference /x/tree /root/back && rm -r /x/tree'
[ ! -e "$T/dir/tree" ] || fail_test "the tree is still there"

# Many files.
in_guest 'mkdir /x/many && cd /x/many && python3 -c "
for i in range(10000):
    with open(str(i), \"w\") as f: f.write(str(i))
" && [ "$(ls | wc -l)" = 10000 ] && [ "$(find . -type f | xargs cat | wc -c)" = 38890 ]'
assert_eq "$(find "$T/dir/many" -type f | wc -l)" 10000
in_guest 'rm -r /x/many'

# git.
in_guest 'export HOME=/root && git config --global user.email a@b && git config --global user.name c &&
    git init -q /x/repo && cd /x/repo && for i in $(seq 50); do echo $i >file$i; done && git add . && git commit -qm one &&
    git checkout -qb other && git mv file1 moved && git commit -qam two && git checkout -q - && git merge -q other &&
    git gc -q && git fsck --strict && git clone -q /x/repo /x/clone && git -C /x/clone log --oneline | wc -l'
assert_contains "$out" 2
assert_eq "$(git -c safe.directory='*' -C "$T/dir/repo" status --porcelain)" ""

# A database with a write-ahead log (mapped), and one with a journal.
in_guest 'cd /x && for mode in wal delete; do
    sqlite3 db-$mode "pragma journal_mode=$mode; create table t(a); with recursive c(x) as (select 1 union all select x+1 from c
        limit 20000) insert into t select x from c; delete from t where a % 2; pragma integrity_check; select sum(a) from t;"; done'
assert_eq "$(echo "$out" | grep -c 100010000)" 2

# What the file system itself can do.
in_guest 'cat >/root/try.py <<"PY"
import errno, fcntl, mmap, os, struct
os.chdir("/x")
def raises(error, call, *args, **named):
    try: call(*args, **named)
    except OSError as e: assert e.errno == error, (e, error)
    else: raise AssertionError(call)
f = os.open("f", os.O_RDWR | os.O_CREAT, 0o640)
data = os.urandom(5 << 20)                      # more than one request
assert os.pwrite(f, data, 0) == len(data)
assert os.pread(f, len(data) + 1, 0) == data
m = mmap.mmap(f, 1 << 20)                       # shared, written
m[4096:4100] = b"mmap"; m.flush(); m.close()
assert os.pread(f, 4, 4096) == b"mmap"
d = os.open("f", os.O_RDWR | os.O_DIRECT)       # around the guest page cache
b = mmap.mmap(-1, 8192); b[:] = b"d" * 8192
assert os.pwritev(d, [b], 8192) == 8192 and os.preadv(d, [b], 0) == 8192 and b[4096:4100] == b"mmap"
os.close(d)
assert os.pread(f, 1, 8192) == b"d"
a = os.open("f", os.O_WRONLY | os.O_APPEND)
os.write(a, b"end"); assert os.pread(f, 9, len(data)) == b"end"
fcntl.fcntl(a, fcntl.F_SETFL, 0)                # appending no more
os.pwrite(a, b"begin", 0); assert os.pread(f, 5, 0) == b"begin"
os.close(a)
os.ftruncate(f, 100); assert os.fstat(f).st_size == 100
os.truncate("f", 50); assert os.fstat(f).st_size == 50
os.posix_fallocate(f, 0, 1 << 20); assert os.fstat(f).st_size == 1 << 20
h = os.open("holes", os.O_RDWR | os.O_CREAT)
os.ftruncate(h, 1 << 20); os.pwrite(h, b"x", 512 << 10)
hole = os.lseek(h, 0, os.SEEK_HOLE); assert hole == 0, hole
assert 0 < os.lseek(h, 0, os.SEEK_DATA) <= 512 << 10
os.fsync(h); os.fdatasync(h)
s = os.open("copy", os.O_RDWR | os.O_CREAT)
assert os.copy_file_range(f, s, 100, 0, 0) == 100 and os.pread(s, 5, 0) == b"begin"
fcntl.flock(f, fcntl.LOCK_EX); g = os.open("f", os.O_RDWR)
raises(errno.EAGAIN, fcntl.flock, g, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.lockf(g, fcntl.LOCK_EX)
os.setxattr("f", "user.a", b"value"); assert os.getxattr("f", "user.a") == b"value" and os.listxattr("f") == ["user.a"]
raises(errno.ENODATA, os.getxattr, "f", "user.b"); os.removexattr("f", "user.a")
raises(errno.EOPNOTSUPP, os.setxattr, "f", "trusted.a", b"")
os.unlink("f"); assert os.pread(f, 5, 0) == b"begin" and os.fstat(f).st_nlink == 0
os.mkdir("d"); raises(errno.ENOTEMPTY, lambda: (open("d/x", "w"), os.rmdir("d")))
os.symlink("nowhere", "l"); assert os.readlink("l") == "nowhere" and os.lstat("l").st_size == 7
os.chown("l", 5, 5, follow_symlinks=False)
raises(errno.EEXIST, os.mkdir, "d"); raises(errno.EISDIR, os.open, "d", os.O_WRONLY)
os.utime("copy", ns=(1_000_000_001, 2_000_000_002)); assert os.stat("copy").st_mtime_ns == 2_000_000_002
os.setgid(50); os.chmod("copy", 0o6755); os.chown("copy", 1000, 1000)
assert os.stat("copy").st_mode & 0o7777 == 0o755
os.chmod("copy", 0o4777); os.setuid(1000)
with open("copy", "a") as c: c.write("x")
assert os.stat("copy").st_mode & 0o7777 == 0o777
st = os.statvfs("."); assert st.f_bsize > 0 and st.f_blocks > 0
print("all well")
PY
python3 /root/try.py'
assert_contains "$out" "all well"
assert_eq "$(stat -c %a "$T/dir/copy")" 700
[ ! -e "$T/dir/f" ] || fail_test "an unlinked file is still there"

# The host takes a file away that the guest has open; and puts another in its place.
echo old >"$T/dir/open"
in_guest '(exec 3</x/open; touch /root/opened; while [ ! -e /root/go ]; do sleep 0.05; done; cat <&3 >/root/seen; touch /root/done) >/dev/null 2>&1 &
    while [ ! -e /root/opened ]; do sleep 0.05; done'
rm "$T/dir/open"
echo new >"$T/dir/open"
in_guest 'touch /root/go; while [ ! -e /root/done ]; do sleep 0.05; done; cat /root/seen'
assert_eq "$out" old "what was open"
in_guest 'until [ "$(cat /x/open)" = new ]; do sleep 0.05; done'

# Beneath the directory, a program.
in_guest 'cp /bin/true /x/program && /x/program && echo ran'
assert_eq "$out" ran
in_guest 'sync && df /x >/dev/null'

# For another default user, the files are that user's.
run_ok msb run -q -u 1000:1001 -v "$T/dir:/x" work:latest -- sh -c 'stat -c %u:%g /x; echo mine >/x/mine; cat /x/mine'
assert_eq "$out" "1000:1001
mine"
run_ok msb rm -q -f box
no_leftovers
