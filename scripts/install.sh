#!/bin/sh
# Installs microsandbox for one user; updates, downgrades and removes what it has installed (`msb self` runs it for that).
#
#   install.sh [--from DIRECTORY|URL] [--key PUBLIC.pem] [--force]
#   install.sh --downgrade [VERSION] | --uninstall [--yes]
#
# Whatever happens on the way (kill -9, a full disk, a wrong checksum), a version that works is left, and the next run
# clears up. Below ${MSB_HOME:-~/.microsandbox}:
#
#   lib/microsandbox/versions/ID/   a whole installation, unchanged since it was complete
#   lib/microsandbox/versions/.new  one that is not complete yet
#   lib/microsandbox/current        link to the one that counts; one rename(2) of it is the update
#   lib/microsandbox/previous/ID    what was current before ID was
#   bin/msb, ~/.local/bin/msb       links that lead through `current`
#
# A process finds the rest of its version by its executable's path without links, so what runs goes on with its own.
# The file is a function that its last line calls: half of it, from a connection that broke, does nothing.
set -eu

archive=microsandbox-linux-x86_64.tar.gz
least_glibc=2.36 # scripts/dist.sh compares it with what the programs ask for

say() { printf '%s\n' "$1" >&2; }
warn() { say "warning: $1"; }
# die MESSAGE [HINT]
die() {
    say "error: $1"
    [ -z "${2:-}" ] || say "  → $2"
    exit 1
}
usage() {
    say "error: $1"
    say "  → see the beginning of install.sh, or \`msb self --help\`"
    exit 2
}

check_platform() {
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] ||
        die "this is $(uname -s) on $(uname -m); microsandbox runs on Linux on x86_64"
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || glibc=
    glibc=${glibc#glibc }
    [ -n "$glibc" ] || die "this system has no glibc, which microsandbox needs (version $least_glibc or newer)"
    [ "$(printf '%s\n' "$least_glibc" "$glibc" | sort -V | head -n 1)" = "$least_glibc" ] ||
        die "glibc is $glibc here; microsandbox needs $least_glibc or newer"
}

need() {
    for program; do
        command -v "$program" >/dev/null || die "$program is needed, and not installed"
    done
}

# One installer of this home at a time. Its children hold the lock, too: none writes behind the back of the next one.
lock() {
    home=$(cd "$home" && pwd -P)
    root=$home/lib/microsandbox
    versions=$root/versions
    new=$versions/.new
    exec 9<"$home"
    flock -n 9 && return
    say "Waiting for another installation or update in $home"
    flock -w 60 9 || die "another installation or update in $home has not ended within a minute"
}

# replace_link TARGET LINK: at no moment is there no link, or one that leads elsewhere.
replace_link() {
    ln -sfn -- "$1" "$2.msb-new"
    mv -T -- "$2.msb-new" "$2"
}

# replace_file FILE: with what comes on stdin.
replace_file() {
    cat >"$1.msb-new"
    mv -T -- "$1.msb-new" "$1"
}

# ---- where it comes from -------------------------------------------------------------------------

is_loopback() {
    case $from in
    *@*) return 1 ;;
    http://127.0.0.1[:/]* | http://localhost[:/]* | http://\[::1\]*) return 0 ;;
    esac
    return 1
}

check_origin() {
    case $from in
    https://*) need curl ;;
    http://*)
        need curl
        is_loopback || [ -n "$key" ] || die "whoever is on the way to $from could change what is installed" \
            "use https://, or give the key that signs it: --key PUBLIC.pem"
        ;;
    *://*) die "cannot get anything from $from" "give a directory, or a URL that begins with https://" ;;
    *)
        from=$(cd "$from" 2>/dev/null && pwd) || die "there is no directory $from"
        ;;
    esac
}

# get NAME FILE [BYTES]: a file of the origin, not larger than that. Neither a server that says nothing nor one that
# sends for ever keeps us.
get() {
    limit=${3:-65536}
    case $from in
    *://*)
        shown=-sS
        [ "$limit" -le 65536 ] || ! [ -t 2 ] || shown=--progress-bar
        # Plain HTTP is not led elsewhere. What is cut off here, or ends early, has another checksum.
        redirects=-L
        [ "${from#http:}" = "$from" ] || redirects=--no-location
        curl $shown -f $redirects --proto "=${from%%:*}" --max-redirs 5 --connect-timeout 30 --speed-limit 1024 \
            --speed-time 30 --max-filesize "$limit" -- "${from%/}/$1" | head -c "$limit" >"$2" || return 1
        ;;
    *)
        [ -f "$from/$1" ] || return 1
        cp -- "$from/$1" "$2" || return 1
        ;;
    esac
    [ -s "$2" ]
}

check_signature() {
    [ -n "$key" ] || return 0
    need openssl
    get SHA256SUMS.sig "$new/SHA256SUMS.sig" ||
        die "$from has no signature (SHA256SUMS.sig)" "a key was given, now or earlier ($root/key.pem)"
    openssl pkeyutl -verify -rawin -pubin -inkey "$key" -sigfile "$new/SHA256SUMS.sig" -in "$new/SHA256SUMS" \
        >/dev/null 2>&1 || die "the signature of SHA256SUMS in $from was not made by the key $key"
}

# Sets $sum, what the archive's SHA-256 has to be.
get_checksum() {
    get SHA256SUMS "$new/SHA256SUMS" || die "cannot get SHA256SUMS from $from"
    check_signature
    sum=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$new/SHA256SUMS")
    printf '%s\n' "$sum" | grep -Eqx '[0-9a-f]{64}' || die "SHA256SUMS in $from has no line for $archive"
}

get_archive() {
    say "Getting $archive from $from"
    get "$archive" "$new/archive" 1073741824 || die "cannot get $archive from $from" "nothing was changed; is the disk full?"
    printf '%s  %s\n' "$sum" "$new/archive" | sha256sum -c --status - ||
        die "$archive from $from is damaged: its SHA-256 is not what SHA256SUMS says" "nothing was changed; try again"
}

# ---- versions ------------------------------------------------------------------------------------

# What `current` leads to; nothing if there is none.
current_id() {
    id=$(readlink -- "$root/current" 2>/dev/null) || return 0
    printf '%s' "${id#versions/}"
}
previous_of() { [ -z "$1" ] || cat -- "$root/previous/$1" 2>/dev/null || :; }

# in_use ID: something runs from it, as far as this user can see: by the file, because a jail has names of its own.
in_use() {
    programs=$(find "$versions/$1/bin" "$versions/$1/libexec" -type f -exec stat -c %d:%i {} + 2>/dev/null) || :
    [ -z "$programs" ] || ! stat -Lc %d:%i /proc/[0-9]*/exe 2>/dev/null | grep -qxF -e "$programs" || return 0
    # A program of somebody else that has the library loaded starts others from there.
    grep -qsF -e "$versions/$1/lib/" /proc/[0-9]*/maps
}

# Their processes may hide from us, but not that they hold their locks as long as they live.
sandboxes_run() {
    locks=$(stat -c ':%i ' "$home"/run/locks/*.lock 2>/dev/null) || return 1
    grep -qF -e "$locks" /proc/locks
}

# Everything but what is current, what was before, and what still runs.
remove_old() {
    ! sandboxes_run || return 0
    now=$(current_id)
    before=$(previous_of "$now")
    for path in "$versions"/*; do
        id=${path##*/}
        case $id in '*' | "$now" | "$before") continue ;; esac
        ! in_use "$id" || continue
        # Renamed first, as below: half of a version never has a version's name.
        mv -T -- "$path" "$versions/.old"
        rm -rf -- "$versions/.old" "$root/previous/$id"
    done
}

# switch_to ID: what `msb` is from now on.
switch_to() { replace_link "versions/$1" "$root/current"; }

unpack() {
    mkdir -- "$new/tree"
    tar -xzf "$new/archive" -C "$new/tree" --strip-components=1 --no-same-owner ||
        die "cannot unpack $archive" "nothing was changed; is the disk full?"
    version=$("$new/tree/bin/msb" --version) || die "the new msb does not run on this machine" "nothing was changed"
    version=${version#msb }
    printf '%s\n' "$version" | grep -Eqx '[0-9A-Za-z.+~-]{1,64}' || die "the new msb has no version"
    id=$version-$(printf '%.12s' "$sum")
}

refuse_older() {
    [ -n "$now" ] && [ -z "$force" ] || return 0
    newest=$(printf '%s\n' "${now%-*}" "$version" | sort -V | tail -n 1)
    [ "$newest" = "$version" ] || die "$from has version $version, which is older than ${now%-*}" \
        "msb self downgrade returns to the version before; --force installs any"
}

# ---- commands in the user's PATH -----------------------------------------------------------------

link_commands() {
    replace_link ../lib/microsandbox/current/bin/msb "$home/bin/msb"
    replace_link msb "$home/bin/microsandbox"
    for library in "$root"/current/lib/libmicrosandbox.so*; do
        [ ! -e "$library" ] || replace_link "microsandbox/current/lib/${library##*/}" "$home/lib/${library##*/}"
    done
    mkdir -p -- "$commands" || { warn "Skipped $commands: it cannot be made"; return; }
    for name in msb microsandbox; do
        if [ -e "$commands/$name" ] && [ ! -L "$commands/$name" ]; then
            warn "Skipped $commands/$name: it is a file, not a link; $home/bin/$name is the new command"
        else
            replace_link "$home/bin/$name" "$commands/$name" || warn "Skipped $commands/$name: it cannot be written"
        fi
    done
    case ":$PATH:" in
    *":$commands:"*) ;;
    *) say "$commands is not in PATH: export PATH=\"$commands:\$PATH\"" ;;
    esac
}

unlink_commands() {
    for name in msb microsandbox; do
        [ "$(readlink -- "$commands/$name" 2>/dev/null)" != "$home/bin/$name" ] || rm -f -- "$commands/$name"
        [ ! -L "$home/bin/$name" ] || rm -f -- "$home/bin/$name"
    done
    for library in "$home"/lib/libmicrosandbox.so*; do
        [ ! -L "$library" ] || rm -f -- "$library"
    done
}

# Earlier versions, and others, wrote a block into start-up files.
remove_start_up_blocks() {
    begin='# >>> microsandbox >>>'
    end='# <<< microsandbox <<<'
    for file in .profile .bash_profile .bash_login .bashrc .zprofile .zshrc .zshenv .config/fish/config.fish; do
        file=$(readlink -f -- "$HOME/$file") || continue
        [ -f "$file" ] || continue
        # Only a block that has both of its ends.
        [ "$(grep -Fx -e "$begin" -e "$end" -- "$file")" = "$begin
$end" ] || continue
        cp -p -- "$file" "$file.msb-new"
        sed "/^$begin\$/,/^$end\$/d" <"$file" >"$file.msb-new"
        mv -T -- "$file.msb-new" "$file"
        say "Removed a block of microsandbox from $file"
    done
}

# ---- what it can be asked to do ------------------------------------------------------------------

# For later updates. Before the switch: no version of a signed origin is current without its key being asked for.
keep_origin() {
    [ -z "$key" ] || [ "$key" = "$root/key.pem" ] || replace_file "$root/key.pem" <"$key"
    printf '%s\n' "$from" | replace_file "$root/origin"
}

install_or_update() {
    check_platform
    need tar gzip sha256sum flock awk
    [ -d "$home" ] || (umask 077 && mkdir -p -- "$home")
    lock
    mkdir -p -- "$versions" "$root/previous" "$home/bin"
    rm -rf -- "$new" "$versions/.old" "$home/lib/.removed"
    trap 'rm -rf -- "$new"' EXIT
    trap 'exit 130' HUP INT TERM

    if [ -z "$from" ]; then
        from=$(cat -- "$root/origin" 2>/dev/null) || usage "where from? --from DIRECTORY or URL"
    fi
    [ -n "$key" ] || [ ! -f "$root/key.pem" ] || key=$root/key.pem
    [ -z "$key" ] || [ -r "$key" ] || die "cannot read the key $key"
    check_origin
    mkdir -- "$new"
    get_checksum
    now=$(current_id)
    hash=${now##*-}
    if [ "${hash%.*}" = "$(printf '%.12s' "$sum")" ] && [ -z "$force" ]; then
        keep_origin
        link_commands
        say "Already up to date: msb ${now%-*}"
    else
        get_archive
        unpack
        refuse_older
        # One that is there already is as good, but forced is forced: it may be damaged.
        [ -z "$force" ] || id=$id.$(date +%s)
        [ -d "$versions/$id" ] || mv -T -- "$new/tree" "$versions/$id"
        sync -f -- "$versions"
        [ -z "$now" ] || [ "$now" = "$id" ] || printf '%s\n' "$now" | replace_file "$root/previous/$id"
        keep_origin
        switch_to "$id"
        link_commands
        say "Installed msb $version in $home"
    fi
    remove_old
}

require_installation() {
    need flock
    [ -d "$home/lib/microsandbox" ] || [ -d "$home/lib/.removed" ] ||
        die "install.sh has not installed microsandbox in $home"
    lock
}

downgrade() {
    require_installation
    now=$(current_id)
    before=$(previous_of "$now")
    [ -d "$versions/${before:-none}" ] || die "there is no version before ${now%-*}"
    [ -z "$1" ] || [ "$1" = "${before%-*}" ] || die "version $1 is not kept; the one before is ${before%-*}"
    switch_to "$before"
    link_commands
    say "msb is ${before%-*} again; \`msb self update\` returns to ${now%-*}"
}

uninstall() {
    require_installation
    ! sandboxes_run || die "sandboxes run in $home" "end them first: msb ls shows them"
    for path in "$versions"/*; do
        ! in_use "${path##*/}" || die "programs of microsandbox run from $path" "end them first"
    done
    if [ -z "$yes" ]; then
        [ -t 0 ] || die "this is not a terminal" "msb self uninstall --yes"
        printf 'Remove the programs of microsandbox from %s? Sandboxes, images and volumes stay. [y/N] ' "$home" >&2
        read -r answer
        case $answer in [yY] | [yY]es) ;; *) die "nothing was removed" ;; esac
    fi
    unlink_commands
    remove_start_up_blocks
    rm -rf -- "$home/lib/.removed"
    # Renamed first: half of a version never has a version's name.
    [ ! -d "$root" ] || mv -T -- "$root" "$home/lib/.removed"
    rm -rf -- "$home/lib/.removed"
    rmdir -- "$home/lib" "$home/bin" 2>/dev/null || : # others may have something there
    say "Removed; sandboxes, images and volumes are still in $home"
}

main() {
    umask 022
    task=install from='' key='' force='' yes='' version=''
    while [ $# -gt 0 ]; do
        case $1 in
        --from | --key)
            [ -n "${2:-}" ] || usage "$1 needs a value"
            if [ "$1" = --key ]; then key=$2; else from=$2; fi
            shift
            ;;
        -f | --force) force=1 ;;
        -y | --yes) yes=1 ;;
        --downgrade | --uninstall) task=${1#--} ;;
        -*) usage "unknown option $1" ;;
        *) version=$1 ;;
        esac
        shift
    done
    [ -n "${HOME:-}" ] || die "HOME is not set"
    [ -z "$version" ] || [ "$task" = downgrade ] || usage "unexpected word $version"
    home=${MSB_HOME:-$HOME/.microsandbox}
    case $home in /*) ;; *) home=$PWD/$home ;; esac
    commands=$HOME/.local/bin
    # Beside the files of a release it installs those.
    if [ -z "$from" ] && [ "${0##*/}" = install.sh ] && [ -f "$(dirname -- "$0")/SHA256SUMS" ]; then
        from=$(dirname -- "$0")
    fi
    case $task in
    install) install_or_update ;;
    downgrade) downgrade "$version" ;;
    uninstall) uninstall ;;
    esac
}

main "$@"
