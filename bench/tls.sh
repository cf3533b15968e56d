#!/usr/bin/env bash
# What it costs that TLS is intercepted: requests on a kept and on a new connection, and a stream, each in turns with the
# same from the same guest to a port that is not intercepted; that with a secret, in HTTP/1.1 and HTTP/2; beside mitmproxy, if that
# is installed; what looking for secrets costs; a start.
#
#   bench/tls.sh [MiB]      default: streams of 128 MiB, about half a minute
. "$(dirname "$0")/lib.sh"
MSB=$MSB_BUILD/bin/msb
mib=${1:-128}
if [ ! -x "$MSB_BUILD/tools/content_bench" ]; then
    cmake -S "$(dirname "$BENCH_DIR")" -B "$MSB_BUILD" -DMSB_BENCH=ON >/dev/null
    cmake --build "$MSB_BUILD" --target content_bench -- --quiet
fi
pids=()
finish() {
    [ "${#pids[@]}" -eq 0 ] || kill "${pids[@]}"
    "$MSB" rm -q -f box secret 2>/dev/null || :
    rm -rf "$T"
}
trap finish EXIT

host=host.microsandbox.internal
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=bench" \
    -addext "subjectAltName=DNS:$host" -keyout "$T/key.pem" -out "$T/server.pem" 2>/dev/null
cp "$(dirname "$0")/tls/main.go" "$T/main.go"
(cd "$T" && HOME=$T GOTOOLCHAIN=local CGO_ENABLED=0 go build -o tls main.go)
"$T/tls" serve "$T/server.pem" "$T/key.pem" 29443 29444 &
pids+=($!)

options=(--net host --tls-intercept-port 29443 --tls-upstream-ca-cert "$T/server.pem")
"$MSB" create -q -n box "${options[@]}"
API_KEY=$(openssl rand -hex 20) "$MSB" create -q -n secret "${options[@]}" --secret "API_KEY@$host"
for name in box secret; do
    "$MSB" cp "$T/tls" $name:/bin/tls
    "$MSB" cp "$T/server.pem" $name:/server.pem
done
measure() { # measure WHAT NAME PORT [h2]
    echo "$1:"
    "$MSB" exec "$2" -- tls measure $host "$3" 29444 "$mib" "${@:4}"
}
measure intercepted box 29443
measure "with a secret" secret 29443
measure "with a secret, HTTP/2" secret 29443 h2
if command -v mitmdump >/dev/null; then
    cat "$T/key.pem" "$T/server.pem" >"$T/both.pem"
    HOME=$T mitmdump -q --mode reverse:https://127.0.0.1:29444 -p 29445 --ssl-insecure --certs "*=$T/both.pem" \
        --set stream_large_bodies=1m &
    pids+=($!)
    until echo | openssl s_client -connect 127.0.0.1:29445 >/dev/null 2>&1; do sleep 0.2; done
    measure mitmproxy box 29445
fi

"$MSB_BUILD/tools/content_bench"

starts() { # starts OPTION...: the median of 9, in ms
    for _ in 1 2 3 4 5 6 7 8 9; do
        begin=$(date +%s%N)
        "$MSB" run "$@" -- true
        echo $((($(date +%s%N) - begin) / 100000))
    done | sort -n | sed -n 5p | sed 's/.$/.&/'
}
echo "a start: $(starts --net host) ms, intercepted $(starts "${options[@]}") ms"
