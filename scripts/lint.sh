#!/bin/bash
# lint.sh [--since COMMIT] BUILD [FOLDER...]: clang-tidy over every source file that is compiled (or those in the
# folders), and shellcheck over the scripts. BUILD is where the list of what is compiled goes. With --since, only over
# the sources that differ from the commit or include a file that does: the commit itself was clean. A change of the checks
# or of the build's options concerns all. A file whose content, headers, options and checks were all clean before is
# not checked again: clean results are remembered by hash in the cache.
set -euo pipefail
since=
if [ "$1" = --since ]; then
    since=$2
    shift 2
fi
build=$1
shift
folders=${*:-.}
cd "$(dirname "$0")/.."
source=$PWD
cache=${MSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/microsandbox}/lint
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git ls-files -z --cached --others --exclude-standard '*.cpp' '*.hpp' '*.h' '*.c' |
    xargs -0 sha256sum >"$work/hashes"
common=$({ clang-tidy-19 --version && cat .clang-tidy cmake/*.cmake CMakeLists.txt CMakePresets.json; } | sha256sum)

# The build may compile several files as one; here each is looked at alone.
cmake -S . -B "$build/lint" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMSB_UNITY=OFF -DMSB_TESTS=ON -DMSB_BENCH=ON >"$work/configured" ||
    { cat "$work/configured" >&2; exit 1; }

# What each source includes, one line each: SOURCE HASH...
mkdir "$work/includes"
jq -r --arg to "$work/includes" 'to_entries[] |
    (.value.command | sub(" -o [^ ]+ -c "; " -MM ")) + " -MF \($to)/\(.key)"' "$build/lint/compile_commands.json" |
    tr '\n' '\0' | xargs -0 -n 1 -P "$(nproc)" sh -c
find "$work/includes" -type f -print0 | xargs -0 awk -v top="$source/" '
    FNR == NR { hash[$2] = $1; next }
    FNR == 1 { name = "" }
    {
        for (i = 1; i <= NF; ++i) {
            if ($i ~ /:$/ || index($i, top) != 1) continue
            path = substr($i, length(top) + 1)
            if (!(path in hash)) continue
            if (name == "") { name = path; line[name] = name }
            line[name] = line[name] " " hash[path]
        }
    }
    END { for (name in line) print line[name] }' "$work/hashes" | sort |
    grep -E "^(${folders// /|})/?" >"$work/sources"

# A source whose line has no hash of a changed file is as it was at the commit.
if [ -n "$since" ] && git diff --quiet "$since" -- .clang-tidy cmake CMakeLists.txt CMakePresets.json; then
    { git diff --name-only "$since" && git ls-files --others --exclude-standard; } | sort >"$work/changed"
    awk 'FNR == NR { changed[$0]; next } $2 in changed { print $1 }' "$work/changed" "$work/hashes" >"$work/looks"
    grep -Ff "$work/looks" "$work/sources" >"$work/some" || :
    mv "$work/some" "$work/sources"
fi

while read -r file hashes; do
    key=$(echo "$common $file $hashes" | sha256sum | cut -c1-40)
    [ -e "$cache/$key" ] || echo "$file $cache/$key"
done <"$work/sources" >"$work/pending"

echo "clang-tidy: $(wc -l <"$work/sources") files, $(wc -l <"$work/pending") to check"
status=0
# shellcheck disable=SC2016
xargs -r -L 1 -P "$(nproc)" sh -c '
    if output=$(clang-tidy-19 -p "$0" --quiet --extra-arg=-Wno-deprecated-declarations --extra-arg=-Wno-sign-conversion --extra-arg=-Wno-unknown-warning-option "$1" 2>/dev/null); then
        touch "$2"
    else
        printf "%s\n" "$output"
        exit 1
    fi' "$build/lint" <"$work/pending" || status=1

# SC2016: scripts for the guest stand in single quotes on purpose. SC2119: optional arguments.
git ls-files -z --cached --others --exclude-standard '*.sh' .ci/run |
    xargs -0 -r -n 8 -P "$(nproc)" shellcheck -x -P SCRIPTDIR -e SC1091,SC2016,SC2119 || status=1

find "$cache" -type f -mtime +30 -delete
[ $status -eq 0 ] || echo "lint: failed" >&2
exit $status
