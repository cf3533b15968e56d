#!/bin/sh
# format.sh --check|--fix: clang-format over every C++ file of the tree.
set -eu
cd "$(dirname "$0")/.."
case ${1:-} in
--fix) options=-i ;;
--check) options='--dry-run --Werror' ;;
*)
    echo "usage: format.sh --check|--fix" >&2
    exit 2
    ;;
esac
# shellcheck disable=SC2086
git ls-files -z --cached --others --exclude-standard '*.cpp' '*.hpp' '*.h' '*.c' |
    xargs -0 -r -n 20 -P "$(nproc)" clang-format-19 $options
