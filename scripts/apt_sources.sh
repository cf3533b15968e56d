#!/bin/sh
# apt_sources.sh SUITE: prints an apt source (deb822) for SUITE from the archive that this machine
# itself uses for its own suite: same address, same keys. Nothing else is assumed about the mirror.
set -eu
suite=$1
own=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
etc=${MSB_APT_ETC:-/etc/apt}

# One-line entries become deb822 stanzas first, so that there is one form to search.
one_line() {
    cat "$etc/sources.list" "$etc"/sources.list.d/*.list 2>/dev/null |
        sed -n 's/[[:space:]]#.*//; s/^[[:space:]]*deb[[:space:]]\{1,\}//p' |
        awk '{
            options = ""; line = $0
            if (line ~ /^\[/) {
                options = substr(line, 2, index(line, "]") - 2)
                line = substr(line, index(line, "]") + 1)
            }
            count = split(line, part, " ")
            print "Types: deb\nURIs: " part[1] "\nSuites: " part[2]
            printf "Components:"
            for (i = 3; i <= count; i++) printf " %s", part[i]
            print ""
            count = split(options, option, " ")
            for (i = 1; i <= count; i++) {
                split(option[i], pair, "=")
                if (tolower(pair[1]) == "signed-by") print "Signed-By: " pair[2]
                if (tolower(pair[1]) == "trusted") print "Trusted: " pair[2]
            }
            print ""
        }'
}
deb822() {
    for file in "$etc"/sources.list.d/*.sources; do
        [ -f "$file" ] && grep -v '^#' "$file" && echo
    done
}

{ deb822; one_line; } | awk -v suite="$suite" -v own="$own" '
    function flush() {
        if (uris != "" && types ~ /(^| )deb( |$)/ && components ~ /(^| )main( |$)/ &&
            tolower(enabled) != "no" && !found &&
            (" " suites " ") ~ (" (" own "|stable|oldstable|testing|sid|unstable) ")) {
            print "Types: deb\nURIs: " uris "\nSuites: " suite "\nComponents: main\nTargets: Packages"
            printf "%s", rest
            found = 1
        }
        types = uris = suites = components = enabled = rest = field = ""
    }
    function value() { sub(/^[^:]*:[ \t]*/, ""); return $0 }
    /^[ \t]*$/ { flush(); next }
    /^[ \t]/ { if (field == "keys") rest = rest $0 "\n"; next }
    {
        name = tolower(substr($0, 1, index($0, ":") - 1)); field = ""
        if (name == "types") types = value()
        else if (name == "uris") uris = value()
        else if (name == "suites") suites = value()
        else if (name == "components") components = value()
        else if (name == "enabled") enabled = value()
        else if (name == "signed-by" || name == "trusted") { field = "keys"; rest = rest $0 "\n" }
    }
    END { flush(); exit !found }' || {
    echo "apt_sources.sh: $etc has no Debian archive source for $own" >&2
    exit 1
}
