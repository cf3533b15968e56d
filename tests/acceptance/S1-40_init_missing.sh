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
refused /script 'cannot execute the handoff init'
refused /garbage 'cannot execute the handoff init'

# An init that ends takes its guest along: the sandbox is over, nothing hangs.
run msb create -q -n box --init /bin/true inited
eventually 20 sh -c '! "$0" ls --running -q | grep -q .' "$MSB"
run_ok msb rm -q -f box
no_leftovers
