#!/bin/bash
# Without root and sudo, set-up names exactly what is missing and how to install it.
. "$(dirname "$0")/../lib.sh"
need dpkg-query

mkdir "$T/scripts"
cp "$SOURCE_DIR/scripts/packages.sh" "$T/scripts"
printf '# comment\nbuild coreutils no-such-package-b\nbuild no-such-package-a\ntest no-such-package-c\n' \
    >"$T/scripts/packages.txt"

run_fail 1 'no-such-package-b no-such-package-a$' as_user env PATH=/usr/bin:/bin SUDO= \
    setsid "$T/scripts/packages.sh" build
assert_not_contains "$err" coreutils
assert_not_contains "$err" no-such-package-c
assert_match "$err" 'apt-get install .* no-such-package-b no-such-package-a$'

# Nothing missing: no output, for any user.
printf 'build coreutils\n' >"$T/scripts/packages.txt"
run_ok as_user "$T/scripts/packages.sh" build
assert_eq "$out$err" ""

# A command that is there needs no package, one that is not does.
printf 'build cat:no-such-package-d no-such-command:no-such-package-e\n' >"$T/scripts/packages.txt"
run_fail 1 'are missing' as_user env PATH=/usr/bin:/bin SUDO= setsid "$T/scripts/packages.sh" build
assert_contains "$err" no-such-package-e
assert_not_contains "$err" no-such-package-d
printf 'build cat:no-such-package-d\n' >"$T/scripts/packages.txt"
run_ok as_user "$T/scripts/packages.sh" build
assert_eq "$out$err" ""
