# Small releases for the tests of scripts/install.sh, after lib.sh. $HOME is the test's own.
# shellcheck shell=bash

INSTALLER=$SOURCE_DIR/scripts/install.sh
export HOME=$T/user
mkdir -p "$HOME"
echo "export MINE=1" >"$HOME/.profile"

installer() { "$INSTALLER" "$@"; }
installed_version() { "$HOME/.local/bin/msb" --version; }

# versions: those that are there, in order.
versions() {
    local list
    list=$(find "$MSB_HOME/lib/microsandbox/versions" -mindepth 1 -maxdepth 1 ! -name '.*' -printf '%f\n' | sed 's/-.*//' | sort -V)
    echo "${list//$'\n'/ }"
}

# make_release DIR VERSION [BEGINNING]: a release whose msb is a script that begins with that and says its version.
make_release() {
    local tree=$T/.release/microsandbox-$2
    rm -rf "$T/.release"
    mkdir -p "$1" "$tree/bin" "$tree/lib" "$tree/libexec"
    printf '#!/bin/sh\n%s\necho msb %s\n' "${3:-}" "$2" >"$tree/bin/msb"
    cp "$(command -v sleep)" "$tree/libexec/sleep"
    printf '#!/bin/sh\nexec "${0%%/*}/sleep" 1000\n' >"$tree/libexec/sleeper"
    chmod 755 "$tree/bin/msb" "$tree/libexec/sleeper"
    echo "library $2" >"$tree/lib/libmicrosandbox.so.1"
    tar -C "$T/.release" -czf "$1/microsandbox-linux-x86_64.tar.gz" "microsandbox-$2"
    (cd "$1" && sha256sum microsandbox-linux-x86_64.tar.gz >SHA256SUMS)
}

# serve DIR [CERTIFICATE KEY]: over HTTP or HTTPS on loopback, at $SERVER.
serve() {
    rm -f "$T/.port"
    helper python3 -B -u -c '
import functools, http.server, os, ssl, sys
directory, port, *certificate = sys.argv[1:]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=directory)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port + ".new", "w") as file:
    file.write(str(server.server_port))
os.rename(port + ".new", port)
server.serve_forever()' "$1" "$T/.port" "${@:2}" 2>/dev/null
    eventually 10 test -f "$T/.port"
    # shellcheck disable=SC2034 # for the test
    SERVER=http${2:+s}://127.0.0.1:$(cat "$T/.port")
}
