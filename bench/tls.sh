#!/usr/bin/env bash
# What it costs that TLS is intercepted: requests on a kept and on a new connection, and a stream, each in turns with the
# same from the same guest to a port that is not intercepted; the memory of tlsd; what looking for secrets costs; a start.
#
#   bench/tls.sh [MiB]      default: streams of 128 MiB, about half a minute
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
mib=${1:-128}
if [ ! -x "$MSB_BUILD/tools/content_bench" ]; then
    cmake -S "$(dirname "$BENCH_DIR")" -B "$MSB_BUILD" -DMSB_BENCH=ON >/dev/null
    cmake --build "$MSB_BUILD" --target content_bench -- --quiet
fi
server_pid=
finish() {
    [ -z "$server_pid" ] || kill "$server_pid"
    "$MSB" rm -q -f box 2>/dev/null || :
    rm -rf "$T"
}
trap finish EXIT

host=host.microsandbox.internal
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=bench" \
    -addext "subjectAltName=DNS:$host" -keyout "$T/key.pem" -out "$T/server.pem" 2>/dev/null
cp "$(dirname "$0")/tls/main.go" "$T/main.go"
(cd "$T" && HOME=$T GOTOOLCHAIN=local CGO_ENABLED=0 go build -o tls main.go)
"$T/tls" serve "$T/server.pem" "$T/key.pem" 29443 29444 &
server_pid=$!

options=(--net host --tls-intercept-port 29443 --tls-upstream-ca-cert "$T/server.pem")
"$MSB" create -q -n box "${options[@]}"
"$MSB" cp "$T/tls" box:/bin/tls
"$MSB" cp "$T/server.pem" box:/server.pem
"$MSB" exec box -- tls measure $host 29443 29444 "$mib"

"$MSB_BUILD/tools/content_bench"

starts() { # starts OPTION...: the median of 9, in ms
    for _ in 1 2 3 4 5 6 7 8 9; do
        begin=$(date +%s%N)
        "$MSB" run "$@" -- true
        echo $((($(date +%s%N) - begin) / 100000))
    done | sort -n | sed -n 5p | sed 's/.$/.&/'
}
echo "a start: $(starts --net host) ms, intercepted $(starts "${options[@]}") ms"
