#!/bin/bash
# The source of another suite is derived from the machine's own, in either format, keys included.
. "$(dirname "$0")/../lib.sh"
own=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
mkdir -p "$T/apt/sources.list.d"
derive() { MSB_APT_ETC=$T/apt "$SOURCE_DIR/scripts/apt_sources.sh" sid; }

run_fail 1 "no Debian archive source for $own" derive

cat >"$T/apt/sources.list" <<END
# deb http://commented.example/debian $own main
deb http://security.example/debian-security $own-security main
deb-src http://source.example/debian $own main
deb [arch=amd64 signed-by=/keys/one.gpg] http://one.example/debian $own main contrib
END
run_ok derive
assert_eq "$out" "Types: deb
URIs: http://one.example/debian
Suites: sid
Components: main
Targets: Packages
Signed-By: /keys/one.gpg"

cat >"$T/apt/sources.list.d/b.sources" <<END
Types: deb
URIs: http://other.example/vendor
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: $own
Components: main

Types: deb deb-src
URIs: http://two.example/debian
Suites: $own $own-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc=
 -----END PGP PUBLIC KEY BLOCK-----
END
run_ok derive
assert_eq "$out" "Types: deb
URIs: http://two.example/debian
Suites: sid
Components: main
Targets: Packages
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc=
 -----END PGP PUBLIC KEY BLOCK-----"
