#!/usr/bin/env bash
# The C interface and its C++ header, as they are installed: pkg-config, and a program of many threads that ignores or handles
# signals, loaded from a tree that was moved. Nothing of the process is changed, nothing of ours gets out of it.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel
need cc pkg-config nm

library=$MSB_BUILD/lib/libmicrosandbox.so
foreign=$(nm -D --defined-only "$library" | awk '$3 !~ /^msb_/ {print $3}')
[ -z "$foreign" ] || fail_test "exported: $foreign"
# Every function of the header is there, and no other.
grep -o 'msb_[a-z_]*(' "$SOURCE_DIR/include/microsandbox/microsandbox.h" | tr -d '(' | sort -u >"$T/declared"
nm -D --defined-only "$library" | awk '{print $3}' | sort -u >"$T/defined"
# Comments mention functions too: all of them are declared.
diff "$T/declared" "$T/defined"

DESTDIR=$T/dest cmake --install "$MSB_BUILD" --prefix /opt/msb --strip >"$T/install.log"
mv "$T/dest/opt/msb" "$T/moved place"
export PKG_CONFIG_PATH="$T/moved place/lib/pkgconfig"
# shellcheck disable=SC2016 # sh -c has its own arguments
eval "cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -O1 -g -o '$T/abi' '$TESTS_DIR/sdk/abi.c' \
    $(pkg-config --cflags --libs microsandbox) -pthread"
eval "c++ -std=c++20 -Wall -Wextra -Wpedantic -Werror -O1 -o '$T/cpp' '$TESTS_DIR/sdk/cpp.cpp' \
    $(pkg-config --cflags --libs microsandbox) -pthread"
export LD_LIBRARY_PATH="$T/moved place/lib"
for how in plain reaps handles; do
    run_ok limited 100 "$T/abi" "$how"
    assert_eq "$out" ok
done

(cd "$T" && run_ok limited 60 "$T/cpp" && assert_eq "$out" ok)

# Where the programs are: MSB_PATH wins, the setter comes next, then the library's own place.
cp "$T/moved place/lib/libmicrosandbox.so.1" "$T/lonely.so"
cat >"$T/find.py" <<'PY'
import ctypes, os, sys
library = ctypes.CDLL(sys.argv[1])
library.msb_set_sdk_msb_path(sys.argv[2].encode())
library.msb_sandbox_list.restype = ctypes.c_void_p
error = library.msb_sandbox_list(None, None)
print(ctypes.string_at(error).decode() if error else "found")
PY
run_ok python3 "$T/find.py" "$LD_LIBRARY_PATH/libmicrosandbox.so" ""
assert_eq "$out" found
run_ok python3 "$T/find.py" "$T/lonely.so" ""
assert_contains "$out" "not beside its library"
run_ok python3 "$T/find.py" "$T/lonely.so" "$MSB"
assert_eq "$out" found
run_ok env MSB_PATH=/no/such/msb python3 "$T/find.py" "$T/lonely.so" "$MSB"
assert_contains "$out" "MSB_PATH names no file"
run_ok env MSB_PATH="$MSB" python3 "$T/find.py" "$T/lonely.so" /no/such/msb
assert_eq "$out" found
no_leftovers
