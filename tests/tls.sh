# Servers and certificates for tests of interception. Sourced after lib.sh and netns.sh.
# shellcheck shell=bash disable=SC2154
# (lib.sh sets what is not assigned here)

# new_authority NAME: $T/NAME.pem and its key $T/NAME.key.
new_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
        -keyout "$T/$1.key" -out "$T/$1.pem" 2>/dev/null
}

# new_certificate AUTHORITY FILE SAN [-not_before/-days options of openssl x509...]: $T/FILE.pem and its key.
new_certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
        -keyout "$T/$2.key" -out "$T/.csr" 2>/dev/null
    printf 'subjectAltName=%s\n' "$3" >"$T/.san"
    openssl x509 -req -in "$T/.csr" -CA "$T/$1.pem" -CAkey "$T/$1.key" -CAcreateserial \
        -extfile "$T/.san" "${@:4}" -out "$T/$2.pem" 2>/dev/null
}

# serve_tls PORT FILE [CLIENT_CA]: in the world, with the certificate $T/FILE.pem; see tls_server.py.
serve_tls() {
    helper nsenter --net --target "$WORLD_PID" -- python3 "$TESTS_DIR/tls_server.py" "$T/tls.$1" "$1" \
        "$T/$2.pem" "$T/$2.key" ${3:+"$T/$3.pem"}
    eventually 10 test -e "$T/tls.$1"
}

# tools_image: loads `tools`, a Debian with curl, git, openssl and python3.
tools_image() {
    debian_rootfs "$T/.root.tar" ca-certificates curl git openssl python3
    mkdir "$T/.root"
    tar -C "$T/.root" -xf "$T/.root.tar" --exclude='./dev/*' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/locale/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/cache/apt/*'
    new_image "$T/.layout"
    add_layer "$T/.layout" "$T/.root"
    pack_oci "$T/.layout" "$T/.image.tar"
    msb load -q -i "$T/.image.tar" -t tools
    rm -rf "$T/.root" "$T/.root.tar" "$T/.layout" "$T/.image.tar"
}

# secrets_world [OPTION...]: servers of www.test.example and pinned.test.example, whose requests come to $came; a random
# $value; and a sandbox `box` whose secret API_KEY is for the first of them.
secrets_world() {
    need openssl mmdebstrap umoci
    tools_image
    make_networks 4
    serve_world
    new_authority upstream
    new_certificate upstream good DNS:www.test.example,DNS:pinned.test.example -days 10
    serve_tls 443 good
    came=$T/tls.443.log
    value=$(openssl rand -hex 16)
    export API_KEY=$value
    host_ok create -q -n box --net public --tls-upstream-ca-cert "$T/upstream.pem" --secret API_KEY@www.test.example "$@" tools
}

# guest OPTION...: curl in the guest; $out has its answer, and $came what the server got.
guest() {
    : >"$came"
    host_ok exec box -- curl -sS --max-time 20 "$@"
}

# refused OPTION...: the same, and it is refused before the server sees it.
refused() {
    guest -w ' %{http_code}' "$@"
    assert_contains "$out" '"code":"secret_policy_denied"'
    assert_contains "$out" ' 403'
    assert_eq "$(cat "$came")" "" "the server"
}

# violations: one line of JSON each.
violations() { host_ok net log box --format json && jq -c 'select(.type == "secret" and .outcome == "denied") | .secret' <<<"$out"; }
