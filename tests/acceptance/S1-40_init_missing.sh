#!/usr/bin/env bash
# An init that is not there or cannot be executed: a boot error that names it, at once; no panic.
. "$(dirname "$0")/../lib.sh"
need_kernel
init_image inited

refused() { # PATH PATTERN
    local begin=$EPOCHREALTIME
    run_fail 1 "$2" msb create -q -n box --init "$1" inited
    assert_prompt "$begin" "the refusal of $1"
    assert_contains "$err" 'failed to start "box"'
    assert_contains "$err" "$1"
    assert_not_contains "$err" anic
    assert_match "$(cat "$MSB_HOME/sandboxes/box/logs/kernel.log")" "$2" "kernel.log"
    assert_path "$MSB_HOME/sandboxes/box/logs/boot-error.json"
    run_ok msb rm -q box
}
refused /no/such/init 'handoff init binary not found'
refused /etc/passwd 'handoff init binary is not executable'
refused /etc 'not a regular file'

# Executable by its mode, and yet not: only the kernel can tell.
make_rootfs "$T/root"
printf '#!/no/interpreter\n' >"$T/root/script"
echo garbage >"$T/root/garbage"
chmod 755 "$T/root/script" "$T/root/garbage"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok msb load -q -i "$T/image.tar" -t inited
refused /script "cannot execute the handoff init '/script': interpreter '/no/interpreter': No such file"
assert_not_contains "$err" "directory: No such"
refused /garbage 'cannot execute the handoff init'

# When an init ends, its guest ends. If it ends at once the error says so, and not how the kernel panicked.
ends() { # PATTERN INIT-OPTION...
    local begin=$EPOCHREALTIME pattern=$1
    shift
    run_fail 1 "→ config: the init .*$pattern" msb create -q -n box "$@" inited
    assert_prompt "$begin" "the end of $*"
    assert_not_contains "$err" anic
    assert_contains "$err" "an init has to run as long as the sandbox"
    run_ok msb rm -q box
}
for _ in 1 2 3; do
    ends "'/bin/true' ended with exit code 0" --init /bin/true
done
ends "ended with exit code 3" --init /bin/sh --init-arg=-c --init-arg='exit 3'

# An init that ends later: the sandbox ends, nothing hangs, and the reason is shown.
run_ok msb create -q -n box --init /bin/sh --init-arg=-c --init-arg='sleep 5; exit 4' inited
eventually 20 sh -c '! "$0" ls --running -q | grep -q .' "$MSB"
run_ok msb inspect box --format json
assert_contains "$out" "ended with exit code 4"
run_ok msb rm -q -f box
no_leftovers
