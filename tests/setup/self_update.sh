#!/usr/bin/env bash
# scripts/install.sh and `msb self`: what is installed, from where, and what is refused. The releases here are small: a
# `msb` that is a script.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/releases.sh"
need curl openssl python3 flock

make_release "$T/one" 1.0.0
make_release "$T/two" 2.0.0

# From a directory; what it says is on stderr.
run_ok installer --from "$T/one"
assert_eq "$out" ""
assert_contains "$err" "Installed msb 1.0.0 in $MSB_HOME"
assert_eq "$(installed_version)" "msb 1.0.0"
assert_eq "$(readlink "$HOME/.local/bin/msb") $(readlink "$HOME/.local/bin/microsandbox")" "$MSB_HOME/bin/msb $MSB_HOME/bin/microsandbox"
assert_eq "$("$MSB_HOME/bin/microsandbox" --version)" "msb 1.0.0"
assert_eq "$(cat "$MSB_HOME/lib/libmicrosandbox.so.1")" "library 1.0.0"
assert_eq "$(stat -c %a "$MSB_HOME")" 700
# Nothing else of the user's is touched, and the hint is there only if it is needed.
assert_eq "$(cd "$HOME" && find . -type f)" "./.profile"
assert_eq "$(cat "$HOME/.profile")" "export MINE=1"
assert_contains "$err" "$HOME/.local/bin is not in PATH"
run_ok env PATH="$HOME/.local/bin:$PATH" "$INSTALLER" --from "$T/one"
assert_contains "$err" "Already up to date: msb 1.0.0"
assert_not_contains "$err" "not in PATH"

# Links are made anew also when there is nothing to update; a command that is no link stays.
rm "$HOME/.local/bin/msb"
ln -sfn /elsewhere "$HOME/.local/bin/microsandbox"
run_ok installer
assert_contains "$err" "Already up to date"
assert_eq "$(installed_version)" "msb 1.0.0"
assert_eq "$(readlink "$HOME/.local/bin/microsandbox")" "$MSB_HOME/bin/microsandbox"
rm "$HOME/.local/bin/msb"
echo mine >"$HOME/.local/bin/msb"
run_ok installer
assert_contains "$err" "Skipped $HOME/.local/bin/msb"
assert_eq "$(cat "$HOME/.local/bin/msb")" mine
rm "$HOME/.local/bin/msb"

# From a server; the version before is kept for a downgrade, and one that something runs from, too.
helper "$MSB_HOME/lib/microsandbox/current/libexec/sleeper"
sleeper=$helper_pid
serve "$T/two"
run_ok installer --from "$SERVER"
assert_eq "$(installed_version)" "msb 2.0.0"
make_release "$T/three" 3.0.0
run_ok installer --from "$T/three"
assert_eq "$(versions)" "1.0.0 2.0.0 3.0.0" "the one that runs is kept"
kill "$sleeper"
wait "$sleeper" || :
run_ok installer
assert_eq "$(versions)" "2.0.0 3.0.0"
run_fail 1 'version 2.5.0 is not kept; the one before is 2.0.0' installer --downgrade 2.5.0
run_ok installer --downgrade 2.0.0
assert_eq "$(installed_version)" "msb 2.0.0"
run_fail 1 'there is no version before 2.0.0' installer --downgrade
run_ok installer
assert_eq "$(installed_version)" "msb 3.0.0" "an update after a downgrade"
run_fail 1 'has version 1.0.0, which is older than 3.0.0' installer --from "$T/one"
run_ok installer --from "$T/one" --force
assert_eq "$(installed_version)" "msb 1.0.0"
run_ok installer --from "$T/three"

# What is damaged, cut off, missing or does not run changes nothing.
make_release "$T/bad" 4.0.0
refused() {
    run_fail 1 "$1" installer --from "${2:-$T/bad}"
    assert_eq "$(installed_version) $(versions)" "msb 3.0.0 1.0.0 3.0.0" "$1"
    assert_no_path "$MSB_HOME/lib/microsandbox/versions/.new/tree"
}
archive=$T/bad/microsandbox-linux-x86_64.tar.gz
cp "$archive" "$T/whole"
printf x | dd of="$archive" bs=1 seek=30 conv=notrunc 2>/dev/null
refused 'is damaged'
head -c 100 "$T/whole" >"$archive"
refused 'is damaged'
serve "$T/bad"
refused 'is damaged' "$SERVER"
rm "$archive"
refused 'cannot get microsandbox-linux'
refused 'cannot get microsandbox-linux' "$SERVER"
echo >"$T/bad/SHA256SUMS"
refused 'has no line for'
rm "$T/bad/SHA256SUMS"
refused 'cannot get SHA256SUMS'
refused 'there is no directory' "$T/nowhere"
refused 'could change what is installed' http://192.0.2.1/x
refused 'could change what is installed' http://localhost:1@192.0.2.1/x
refused 'cannot get anything' ftp://192.0.2.1/x
make_release "$T/broken" 5.0.0 'exit 1'
refused 'does not run on this machine' "$T/broken"

# A key: the signature has to be there, of this key, from now on.
for number in 1 2; do
    openssl genpkey -algorithm ed25519 -out "$T/key$number" 2>/dev/null
    openssl pkey -in "$T/key$number" -pubout -out "$T/key$number.pem" 2>/dev/null
done
make_release "$T/four" 4.0.0
refused_key() { run_fail 1 "$1" installer --from "$T/four" "${@:2}"; assert_eq "$(installed_version)" "msb 3.0.0"; }
refused_key 'no signature' --key "$T/key1.pem"
sign() { openssl pkeyutl -sign -rawin -inkey "$1" -in "$2/SHA256SUMS" -out "$2/SHA256SUMS.sig"; }
sign "$T/key2" "$T/four"
refused_key 'was not made by the key' --key "$T/key1.pem"
refused_key 'cannot read the key' --key "$T/nothing"
run_ok installer --from "$T/four" --key "$T/key2.pem"
assert_eq "$(installed_version)" "msb 4.0.0"
make_release "$T/five" 5.0.0
run_fail 1 'no signature' installer --from "$T/five"
sign "$T/key1" "$T/five"
run_fail 1 'was not made by the key' installer --from "$T/five"
sign "$T/key2" "$T/five"
run_ok installer --from "$T/five"
assert_eq "$(installed_version)" "msb 5.0.0"

# Two at once: both succeed, one after the other.
make_release "$T/six" 6.0.0
sign "$T/key2" "$T/six"
"$INSTALLER" --from "$T/six" 2>"$T/first" &
run_ok installer --from "$T/six"
wait $!
assert_eq "$(cat "$T/first" "$T/.err" | grep -Ec 'Installed msb 6|Already up to date')" 2
assert_eq "$(installed_version)" "msb 6.0.0"

# Half of the script, as a connection that broke leaves it, does nothing.
head -c $(($(stat -c %s "$INSTALLER") - 20)) "$INSTALLER" >"$T/half.sh"
run sh "$T/half.sh" --uninstall --yes
assert_eq "$(installed_version)" "msb 6.0.0"

# Other machines.
mkdir "$T/fake"
fake() { printf '#!/bin/sh\n%s\n' "$2" >"$T/fake/$1" && chmod 755 "$T/fake/$1"; }
fake uname '[ "$1" = -m ] && echo aarch64 || echo Linux'
run_fail 1 'this is Linux on aarch64' env PATH="$T/fake:$PATH" "$INSTALLER" --from "$T/six"
rm "$T/fake/uname"
fake getconf 'echo glibc 2.31'
run_fail 1 'glibc is 2.31 here' env PATH="$T/fake:$PATH" "$INSTALLER" --from "$T/six"
fake getconf 'exit 1'
run_fail 1 'has no glibc' env PATH="$T/fake:$PATH" "$INSTALLER" --from "$T/six"

# Removal: its own links and blocks, and not what is not its own.
mkdir "$MSB_HOME/sandboxes"
printf 'before\n# >>> microsandbox >>>\nexport PATH=x\n# <<< microsandbox <<<\nafter\n' >"$HOME/.bashrc"
printf '# >>> microsandbox >>>\nno end\n' >"$HOME/.zshrc"
ln -sfn /elsewhere "$HOME/.local/bin/microsandbox"
helper "$MSB_HOME/lib/microsandbox/current/libexec/sleeper"
run_fail 1 'programs of microsandbox run' installer --uninstall --yes
kill "$helper_pid"
wait "$helper_pid" || :
run_fail 1 'not a terminal' installer --uninstall
run_ok installer --uninstall --yes
assert_eq "$(cat "$HOME/.bashrc")" $'before\nafter'
assert_eq "$(cat "$HOME/.zshrc")" $'# >>> microsandbox >>>\nno end'
assert_eq "$(cat "$HOME/.profile")" "export MINE=1"
assert_eq "$(ls "$HOME/.local/bin")" microsandbox
assert_eq "$(ls "$MSB_HOME")" sandboxes
run_fail 1 'has not installed microsandbox' installer --uninstall --yes

# An msb that was installed otherwise says so.
run_fail 1 'install.sh has not installed this msb' msb self update --from "$T/one"
run_fail 1 'install.sh has not installed this msb' msb downgrade
no_leftovers
