#!/usr/bin/env bash
# Scripts come with the sandbox, are on every command's PATH, and survive a restart.
. "$(dirname "$0")/../lib.sh"
need_kernel

printf '#!/bin/sh\necho "from a file: $*"\n' >"$T/file.sh"
run_ok msb create -q -n box --script 'hello=echo hi\necho "\tthere \\ $1"' \
    --script-raw 'raw=#!/bin/sh
echo raw' --script-path "file:$T/file.sh"
check() {
    run_ok msb exec box -- hello you
    assert_eq "$out" "$(printf 'hi\n\tthere \\ you')"
    run_ok msb exec box -- raw
    assert_eq "$out" raw
    run_ok msb exec box -u 1000 -e PATH=/bin -- sh -c 'file 1 2; echo $PATH'
    assert_eq "$out" "$(printf 'from a file: 1 2\n/.msb/scripts:/bin')"
    run_ok msb exec box -- sh -c 'stat -c "%a %u" /.msb/scripts/hello; head -n 1 /.msb/scripts/hello'
    assert_eq "$out" "$(printf '755 0\n#!/bin/sh')"
}
check
run_ok msb exec box -- rm /.msb/scripts/raw
run_ok msb restart -q box
check
run_ok msb run -q --shell bash --script 's=true' -- head -n 1 /.msb/scripts/s
assert_eq "$out" "#!/usr/bin/env bash"

# Without scripts nothing of it is there.
run_ok msb run -q -- sh -c 'echo $PATH; test -e /.msb/scripts || echo none'
assert_eq "$out" "$(printf '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nnone')"

# What cannot be is said before anything is made.
run_fail 1 "script name 'a' specified more than once" msb create -n no --script a=1 --script-raw a=2
run_fail 1 'script must be in format NAME=BODY' msb create -n no --script justname
run_fail 1 'script must be in format NAME:PATH' msb create -n no --script-path justname
run_fail 1 "cannot read the script 'x'" msb create -n no --script-path "x:$T/missing"
run_fail 1 "script name 'a/b' is not a file name" msb create -n no --script a/b=true
run_fail 1 "script name '\.\.' is not a file name" msb create -n no --script ..=true
run_fail 1 'a script name is empty' msb create -n no --script =true
printf 'a\377b' >"$T/binary"
run_fail 1 "script 'x' is not text" msb create -n no --script-path "x:$T/binary"
head -c 1100000 /dev/zero | tr '\0' a >"$T/large"
run_fail 1 'cannot read|more than' msb create -n no --script-path "x:$T/large"
assert_eq "$(msb ls -q)" box
run_ok msb kill -q box
no_leftovers
