#!/usr/bin/env bash
# What TAB offers in bash, zsh and fish, and the manual pages: both out of what the program says of itself.
. "$(dirname "$0")/../lib.sh"

share=$MSB_BUILD/share
# offered WORD...: what fits where the last word is typed.
offered() { msb __complete -- "$@" | cut -f1; }

# Without any home nothing is made, nothing fails.
assert_eq "$(offered logs '')" "" "names without a home"
[ ! -e "$MSB_HOME" ] || fail_test "completion made a home"
run_fail 2 "did you mean 'fish'" msb completion fsh

assert_eq "$(offered snap)" snapshot
assert_eq "$(offered image l)" $'load\nlist'
assert_eq "$(offered run --thp=m)" --thp=madvise
assert_eq "$(offered logs --source stdout,std)" $'stdout,stdout\nstdout,stderr'
assert_eq "$(offered run --kernel '')" :file
assert_eq "$(offered snapshot create s --dest-dir '')" :directory
assert_eq "$(offered exec box -- l)" "" "words of the guest"
assert_eq "$(offered __)" "" "hidden commands"
assert_contains "$(msb __complete -- net che)" $'check\tWhether'
assert_contains "$(offered run --policy '')" package-registries

need_kernel
run_ok msb volume create volumes-name
run_ok msb network create networks-name
run_ok msb create -q -n worker
run_ok msb create -q -n worker-2
run_ok msb stop -q -t 1 worker worker-2
run_ok msb snapshot create -q snapshots-name --from worker
busybox_image "$T/bb.tar" test/busybox:1
run_ok msb load -q -i "$T/bb.tar"
assert_eq "$(offered exec w | sort)" $'worker\nworker-2'
assert_eq "$(offered run --from-snapshot=s)" --from-snapshot=snapshots-name
assert_eq "$(offered volume inspect v)" volumes-name
assert_eq "$(offered network inspect n)" networks-name
assert_eq "$(offered cp worker)" $'worker:\nworker-2:\n:file'
images=$(msb image ls -q)
assert_contains "$images" test/busybox:1
assert_eq "$(offered image rm '')" "$images"

export PATH=$MSB_BUILD/bin:$PATH
# In bash: COMPREPLY of _msb as readline calls it. Colons and equals signs break words there.
in_bash() {
    LINE=$1 bash --norc -c '
        source <(msb completion bash)
        compopt() { :; } # only works while readline completes
        COMP_LINE=$LINE COMP_POINT=${#LINE} _msb msb
        printf "%s\n" "${COMPREPLY[@]}"'
}
assert_eq "$(in_bash 'msb exec work' | sort)" $'worker\nworker-2'
assert_eq "$(in_bash 'msb run --thp=m')" madvise
assert_eq "$(in_bash 'msb run --from-snapshot=')" snapshots-name
assert_eq "$(in_bash 'msb image rm ')" "$images"
assert_eq "$(in_bash "msb image rm $(grep -o '.*test/busybox:' <<<"$images")")" 1
mkdir "$T/two words"
touch "$T/two words/a file"
assert_eq "$(in_bash "msb run --kernel $T/two")" "$T/two words"
bash --norc -n "$share/bash-completion/completions/msb"
if command -v shellcheck >/dev/null; then shellcheck -s bash "$share/bash-completion/completions/msb"; fi

# With a terminal, as a user has it.
typed=$(on_terminal "PS1='ready> ' bash --norc --noprofile -i" 'ready> ' '. <(msb completion bash)\n' \
    'ready> ' 'msb volume inspect vol\011\n' Path: 'exit\n')
assert_contains "$typed" 'msb volume inspect volumes-name'

if command -v zsh >/dev/null; then
    typed=$(ZDOTDIR=$T TERM=dumb on_terminal "PS1='ready> ' zsh -d -f -i" \
        'ready> ' 'autoload compinit; compinit -D; source <(msb completion zsh)\n' \
        'ready> ' 'msb volume inspect vol\011\n' Path: 'exit\n')
    assert_contains "$typed" 'msb volume inspect volumes-name'
fi
if command -v fish >/dev/null; then
    # in_fish LINE: what fish would offer.
    in_fish() {
        HOME=$T fish -N -c "source $share/fish/vendor_completions.d/msb.fish; complete -C '$1'" | cut -f1
    }
    assert_eq "$(in_fish 'msb exec work' | sort)" $'worker\nworker-2'
    assert_eq "$(in_fish 'msb run --thp=m')" --thp=madvise
    assert_eq "$(in_fish 'msb cp worker-')" worker-2:
    assert_eq "$(in_fish "msb run --kernel=$T/tw")" "--kernel=$T/two words/"
fi

# A manual page for each command that the help shows, without a complaint of man.
ls "$share"/man/man1 >"$T/pages"
for page in msb msb-run msb-image-list msb-net-check; do
    grep -qx "$page.1" "$T/pages" || fail_test "no page $page"
done
grep -q __ "$T/pages" && fail_test "pages of hidden commands"
if command -v man >/dev/null; then
    run_ok env MANWIDTH=80 man --warnings -l "$share/man/man1/"*.1
    assert_eq "$err" "" "what man complains about"
    assert_match "$out" '--replace-with-timeout'
    assert_match "$out" 'One of: auto, kvm, uml'
fi
no_leftovers
