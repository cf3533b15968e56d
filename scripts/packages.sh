#!/bin/sh
# packages.sh GROUP...: makes sure that the Debian packages of the groups (packages.txt) are
# installed. Costs a few milliseconds when they are. COMMAND:PACKAGE is only needed if the command does not exist,
# wherever it comes from.
set -eu
list=$(dirname "$0")/packages.txt

wanted=
for group; do
    # shellcheck disable=SC2013 # words are wanted
    for entry in $(sed -n "s/^$group  *//p" "$list"); do
        case $entry in
        *:*) command -v "${entry%%:*}" >/dev/null || wanted="$wanted ${entry#*:}" ;;
        *) wanted="$wanted $entry" ;;
        esac
    done
done
[ -n "$wanted" ] || exit 0

command -v dpkg-query >/dev/null || {
    echo "This is not a Debian system: install what corresponds to these packages, then set" >&2
    echo "MSB_SKIP_PACKAGES=1:$wanted" >&2
    [ -n "${MSB_SKIP_PACKAGES:-}" ] && exit 0
    exit 1
}

# shellcheck disable=SC2016,SC2086
installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
    sed -n 's/ installed$//p') || :
missing=
for package in $wanted; do
    case "
$installed
" in *"
$package
"*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        as_root=sudo
    else
        echo "These Debian packages are missing, and only root can install them:" >&2
        echo "   $missing" >&2
        echo "Run this as root, then try again:" >&2
        echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
        exit 1
    fi
fi

echo "==> Installing Debian packages:$missing"
install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 $missing
}
$as_root apt-get update || echo "apt-get update failed; trying with the lists that are there" >&2
install
