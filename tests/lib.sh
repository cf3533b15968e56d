# Helpers for the black-box tests. A test is a script tests/AREA/NAME.sh that starts with
#   . "$(dirname "$0")/../lib.sh"
# and runs with -eu -o pipefail: any command that fails unexpectedly fails the test.
#
# A test gets
#   $T        an empty scratch directory, removed at the end
#   $MSB_HOME $T/home, absent until msb makes it
#   msb       a function that runs the built CLI
# and runs under a supervisor (tests/supervise.cpp), to which every orphan is reparented: a process that outlives the
# test fails it. Run one test by hand with `tests/AREA/NAME.sh` or `ctest --test-dir build -R NAME`.
# shellcheck shell=bash

set -euo pipefail

TESTS_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE_DIR=$(dirname "$TESTS_DIR")
MSB_BUILD=${MSB_BUILD:-$SOURCE_DIR/build}

if [ -z "${MSB_TEST_SUPERVISOR:-}" ]; then
    if [ ! -x "$MSB_BUILD/tools/supervise" ]; then
        echo "$MSB_BUILD/tools/supervise is missing: build first" >&2
        exit 1
    fi
    exec "$MSB_BUILD/tools/supervise" bash "$0" "$@"
fi

MSB=$MSB_BUILD/bin/msb
MSB_CACHE=${MSB_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/microsandbox}
T=$(mktemp -d "${TMPDIR:-/tmp}/msb-test.XXXXXX")
unset MSB_PATH MSB_CONFIG_PATH MSB_BACKEND MSB_PROFILE MSB_API_KEY MSB_API_URL
export MSB_HOME=$T/home LC_ALL=C.UTF-8
HELPER_PIDS=()

msb() { "$MSB" "$@"; }

# ---- outcome -------------------------------------------------------------------------------------

# skip REASON: this machine cannot run the test. Counted and shown with its reason.
skip() {
    echo "SKIP: $*"
    exit 77
}

fail_test() {
    echo "FAIL: $*" >&2
    local frame=0
    while caller $frame; do frame=$((frame + 1)); done | sed 's/^/    at line /' >&2
    exit 1
}

finish() {
    local code=$?
    trap - EXIT
    set +e
    for pid in "${HELPER_PIDS[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    if [ $code -ne 0 ] && [ $code -ne 77 ] && [ -d "$MSB_HOME/sandboxes" ]; then
        find "$MSB_HOME/sandboxes" -name '*.log' -size +0 2>/dev/null | while read -r log; do
            echo "--- $log (end)" >&2
            tail -n 20 "$log" | cut -c1-400 >&2
        done
    fi
    # Memory that homes of the test have left to their next start.
    find "$T" -path '*/run/metrics/registry-v3.name' -exec sh -c 'rm -f "/dev/shm$(cat "$1")"' sh {} \; 2>/dev/null
    rm -rf "$T"
    exit $code
}
trap finish EXIT
trap 'exit 143' TERM INT HUP
trap 'echo "FAIL: command failed: $BASH_COMMAND ($0:$LINENO)" >&2' ERR

# ---- running and asserting -----------------------------------------------------------------------

# run COMMAND...: runs it with a 60 s limit; sets $code, $out (stdout) and $err (stderr).
# Trailing newlines are dropped as in $(...).
run() {
    code=0
    limited 60 "$@" >"$T/.out" 2>"$T/.err" || code=$?
    out=$(tr -d '\0' <"$T/.out")
    err=$(tr -d '\0' <"$T/.err")
}

# limited SECONDS COMMAND...: like timeout(1), and knows the msb function (other functions run
# without the limit). Exit code 124 is a time-out.
limited() {
    local seconds=$1
    shift
    if [ "$1" != msb ] && declare -F "$1" >/dev/null; then
        "$@"
        return
    fi
    if [ "$1" = msb ]; then
        shift
        set -- "$MSB" "$@"
    fi
    timeout --foreground -k 5 "$seconds" "$@"
}

show() {
    printf -- '--- stdout\n%s\n--- stderr\n%s\n' "$out" "$err" >&2
}

# run_ok COMMAND...: must exit 0. Sets $out and $err.
run_ok() {
    run "$@"
    [ "$code" -eq 0 ] || { show; fail_test "exit code $code (wanted 0): $*"; }
}

# run_fail CODE PATTERN COMMAND...: must exit with CODE ("any" = any but 0) and its stderr must match
# the extended regular expression PATTERN. Sets $out and $err.
run_fail() {
    local want=$1 pattern=$2
    shift 2
    run "$@"
    if [ "$want" = any ]; then
        [ "$code" -ne 0 ] || { show; fail_test "succeeded, wanted a failure: $*"; }
        [ "$code" -ne 124 ] || { show; fail_test "timed out: $*"; }
    else
        [ "$code" -eq "$want" ] || { show; fail_test "exit code $code (wanted $want): $*"; }
    fi
    # Not through a pipe: a grep that has seen enough would end its writer, and so fail the pipeline.
    grep -Eq -- "$pattern" <<<"$err" ||
        { show; fail_test "stderr does not match /$pattern/: $*"; }
}

# assert_eq ACTUAL EXPECTED [WHAT]
assert_eq() {
    [ "$1" = "$2" ] || fail_test "${3:-value} is $(printf %q "$1"), wanted $(printf %q "$2")"
}

# assert_contains TEXT PART [WHAT]
assert_contains() {
    case $1 in
    *"$2"*) ;;
    *) fail_test "${3:-text} does not contain $(printf %q "$2"): $(printf %q "$1")" ;;
    esac
}

# assert_not_contains TEXT PART [WHAT]
assert_not_contains() {
    case $1 in
    *"$2"*) fail_test "${3:-text} contains $(printf %q "$2"): $(printf %q "$1")" ;;
    esac
}

# assert_match TEXT REGEX [WHAT]: some line matches.
assert_match() {
    grep -Eq -- "$2" <<<"$1" ||
        fail_test "${3:-text} does not match /$2/: $(printf %q "$1")"
}

# assert_path PATH / assert_no_path PATH
assert_path() { [ -e "$1" ] || [ -L "$1" ] || fail_test "missing: $1"; }
assert_no_path() { { [ ! -e "$1" ] && [ ! -L "$1" ]; } || fail_test "still there: $1"; }

# eventually SECONDS COMMAND...: retries until it succeeds.
eventually() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        [ $SECONDS -lt $deadline ] || fail_test "did not become true: $*"
        sleep 0.05
    done
}

# assert_prompt BEGIN WHAT: what began at BEGIN ($EPOCHREALTIME) is over within the 5 s in which a start that
# fails has to say why. It takes a tenth of a second; twice the 5 s pass here, for a machine under load.
assert_prompt() {
    local took=$(((${EPOCHREALTIME/./} - ${1/./}) / 1000))
    [ $took -lt 10000 ] || fail_test "$2 took $took ms, wanted at most 5 s"
}

# milliseconds COMMAND...: runs it (output discarded) and prints how long it took.
milliseconds() {
    local begin=${EPOCHREALTIME/./}
    "$@" >/dev/null 2>&1 </dev/null || fail_test "failed: $*"
    echo $(((${EPOCHREALTIME/./} - begin) / 1000))
}

# on_terminal COMMANDLINE [TEXT KEYS]...: runs `COMMANDLINE; echo code=$?` on a new terminal of 33x77, typing each KEYS
# when TEXT has come (at once if that is empty), and prints what came, without carriage returns.
on_terminal() {
    need python3
    limited 60 python3 -B "$TESTS_DIR/on_terminal.py" "$1; echo code=\$?" "${@:2}" | tr -d '\r'
}

# need PROGRAM...: skips the test if one is missing. need_root: skips unless root.
need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
}
need_root() { [ "$(id -u)" -eq 0 ] || skip "needs root"; }

# need_kernel [NAME]: skips if no kernel bundle (or not the named one) has been made.
# shellcheck disable=SC2120
need_kernel() {
    compgen -G "$MSB_BUILD/share/microsandbox/kernels/${1:-uml-*}/manifest.json" >/dev/null ||
        skip "no kernel bundle${1:+ $1}: make run or make kernel makes it"
}

# python_sdk ARGUMENT...: python3 with the package of sdk/python and the built library.
python_sdk() {
    PYTHONPATH=$SOURCE_DIR/sdk/python/src:$SOURCE_DIR/sdk/python/tests PYTHONDONTWRITEBYTECODE=1 \
        MICROSANDBOX_LIBRARY=$MSB_BUILD/lib/libmicrosandbox.so python3 -X faulthandler "$@"
}

# python_tests NAME...: runs these of sdk/python/tests, in a MSB_HOME of their own: "test_commands" or
# "test_commands.Exec.test_timeout".
python_tests() {
    need_kernel
    need python3
    MSB_HOME=$T/python python_sdk -m unittest "$@"
}

# as_user COMMAND...: runs as an unprivileged user (skips if that cannot be had). $T becomes its own.
as_user() {
    [ "$1" != msb ] || set -- "$MSB" "${@:2}"
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
        return
    fi
    need setpriv
    chown -R 65534:65534 "$T"
    setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
        env HOME="$T" MSB_HOME="$MSB_HOME" "$@"
}

# ---- processes -----------------------------------------------------------------------------------

# helper COMMAND...: starts a background process of the test itself; ended by the test's end.
# Sets $helper_pid.
helper() {
    "$@" &
    helper_pid=$!
    HELPER_PIDS+=("$helper_pid")
}

# test_processes: "PID NAME" of each process that this test caused and that still runs, without
# the test's own shell and helpers. Zombies count, because their parent should have waited for them.
test_processes() {
    "$MSB_BUILD/tools/supervise" --list "$MSB_TEST_SUPERVISOR" $$ "${HELPER_PIDS[@]}"
}

no_test_processes() { [ -z "$(test_processes)" ]; }

# no_leftovers: no process, mount or socket of this test's sandboxes is left. Waits up to 5 s, since
# a killed process needs a moment.
no_leftovers() {
    local deadline=$((SECONDS + 5)) left=
    while :; do
        left=$(
            test_processes
            grep -F -- "$MSB_HOME" /proc/self/mountinfo || :
            [ ! -d "$MSB_HOME/run" ] || find "$MSB_HOME/run" -type s
        )
        [ -n "$left" ] || return 0
        [ $SECONDS -lt $deadline ] || break
        sleep 0.05
    done
    fail_test "left over: $left"
}

# ---- images --------------------------------------------------------------------------------------

# make_rootfs DIR: a root file system of a few files around Debian's static busybox.
make_rootfs() {
    need busybox
    mkdir -p "$1"/{bin,etc,root,tmp,usr/bin,var}
    cp "$(command -v busybox)" "$1/bin/busybox"
    for applet in sh ls cat echo true false id env pwd mkdir rm cp mv ln stat sleep kill ps wc head \
        tail dd sha256sum touch chmod chown mount umount df sync seq test grep sed tr cut sort stty \
        tty hostname uname nproc free find od printf yes readlink date; do
        ln -sf busybox "$1/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n' >"$1/etc/passwd"
    printf 'root:x:0:\nuser:x:1000:\nextra:x:1001:user\n' >"$1/etc/group"
    mkdir -p "$1/home/user"
    [ "$(id -u)" -ne 0 ] || chown 1000:1000 "$1/home/user"
    chmod 1777 "$1/tmp"
}

umoci_flags() { [ "$(id -u)" -eq 0 ] || echo --rootless; }

# new_image LAYOUT [umoci config options...]: an OCI layout directory with an empty image tagged
# "latest", with Cmd /bin/sh and PATH set unless the options say otherwise.
new_image() {
    need umoci
    local layout=$1
    shift
    [ -d "$layout" ] || umoci init --layout "$layout" >/dev/null
    umoci new --image "$layout:latest" >/dev/null
    umoci config --image "$layout:latest" --config.cmd /bin/sh \
        --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" >/dev/null
}

# add_layer LAYOUT DIR [PATH]: adds DIR's contents as one more layer, at PATH (/) in the image.
add_layer() {
    # shellcheck disable=SC2046
    umoci insert $(umoci_flags) --image "$1:latest" "$2" "${3:-/}" >/dev/null 2>&1
}

# add_whiteout LAYOUT PATH [opaque]: one more layer that deletes PATH, or hides what is below it.
add_whiteout() {
    # shellcheck disable=SC2046
    umoci insert $(umoci_flags) --image "$1:latest" --"${3:-whiteout}" "$2" >/dev/null 2>&1
}

# pack_oci LAYOUT TAR: the layout as one OCI archive.
pack_oci() { tar -C "$1" --sort=name --owner=0 --group=0 -cf "$2" .; }

# pack_docker LAYOUT TAR NAME:TAG: the image as a docker-archive, as `docker save` writes.
pack_docker() {
    need skopeo
    skopeo --insecure-policy copy -q "oci:$1:latest" "docker-archive:$2:$3"
}

# busybox_image TAR [NAME:TAG]: a small complete image as docker-archive, made once and cached.
busybox_image() {
    need busybox umoci skopeo
    local name=${2:-busybox:latest} key cached
    key=$({ declare -f make_rootfs new_image add_layer pack_docker; sha256sum <"$(command -v busybox)"; echo "$name"; } |
        sha256sum | cut -c1-16)
    cached=$MSB_CACHE/test/busybox-$key.tar
    if [ ! -f "$cached" ]; then
        make_rootfs "$T/.rootfs"
        new_image "$T/.layout"
        add_layer "$T/.layout" "$T/.rootfs"
        pack_docker "$T/.layout" "$T/.image.tar" "$name"
        rm -rf "$T/.rootfs" "$T/.layout"
        mkdir -p "$MSB_CACHE/test"
        mv "$T/.image.tar" "$cached.$$"
        mv "$cached.$$" "$cached"
    fi
    cp "$cached" "$1"
}

# debian_rootfs TAR [PACKAGE...]: a minimal Debian with the packages, as a plain tar of its root,
# from this machine's own apt sources; made once and cached by its recipe. DEBIAN_SUITE is another than the machine's.
debian_rootfs() {
    need mmdebstrap
    local tar=$1 suite key cached
    shift
    suite=${DEBIAN_SUITE:-$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")}
    key=$(printf '%s\n' "$suite" "$@" | sha256sum | cut -c1-16)
    cached=$MSB_CACHE/test/debian-$key.tar
    if [ ! -f "$cached" ]; then
        mkdir -p "$MSB_CACHE/test"
        "$SOURCE_DIR/scripts/apt_sources.sh" "$suite" >"$T/.sources" ||
            skip "no apt source for $suite on this machine"
        mmdebstrap --quiet --variant=essential --include="$(IFS=, && echo "$*")" \
            --mode="$([ "$(id -u)" -eq 0 ] && echo root || echo unshare)" \
            --format=tar "$suite" "$cached.$$" "$T/.sources" >"$T/.mmdebstrap" 2>&1 ||
            { tail -n 5 "$T/.mmdebstrap"; skip "mmdebstrap cannot make a Debian root here"; }
        mv "$cached.$$" "$cached"
    fi
    cp "$cached" "$tar"
}

# work_image REFERENCE: loads an image of Debian with git, sqlite3 and python3. Needs mmdebstrap and umoci.
work_image() {
    debian_rootfs "$T/.root.tar" git sqlite3 python3
    mkdir "$T/.root"
    tar -C "$T/.root" -xf "$T/.root.tar" --exclude='./dev/*' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/locale/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/cache/apt/*'
    new_image "$T/.layout"
    add_layer "$T/.layout" "$T/.root"
    pack_oci "$T/.layout" "$T/.image.tar"
    msb load -q -i "$T/.image.tar" -t "$1"
    rm -rf "$T/.root" "$T/.root.tar" "$T/.layout" "$T/.image.tar"
}

# init_image NAME: loads a small image NAME whose /sbin/init is busybox's, and notes in /etc/init.down
# that it was shut down. /sbin/noting-init is the same and first notes its arguments and environment in
# /etc/init.args and /etc/init.env.
init_image() {
    need busybox umoci skopeo
    make_rootfs "$T/.init"
    mkdir -p "$T/.init/sbin"
    ln -s ../bin/busybox "$T/.init/sbin/init"
    printf '#!/bin/sh\necho "$0 $*" >/etc/init.args\nenv >/etc/init.env\nexec /sbin/init\n' >"$T/.init/sbin/noting-init"
    chmod 755 "$T/.init/sbin/noting-init"
    echo "::shutdown:/bin/busybox sh -c 'echo down >/etc/init.down'" >"$T/.init/etc/inittab"
    new_image "$T/.init.layout"
    add_layer "$T/.init.layout" "$T/.init"
    pack_oci "$T/.init.layout" "$T/.init.tar"
    msb load -q -i "$T/.init.tar" -t "$1"
    rm -rf "$T/.init" "$T/.init.layout" "$T/.init.tar"
}

# s6_scan_directory DIR: what s6-svscan as process 1 needs: a service, which says in /root/service when it is
# stopped, and what to do when all have been, which powers off.
s6_scan_directory() {
    mkdir -p "$1/.s6-svscan" "$1/idle"
    printf '#!/bin/sh\nexec sleep 1000000\n' >"$1/idle/run"
    printf '#!/bin/sh\necho stopped >/root/service\n' >"$1/idle/finish"
    printf '#!/bin/sh\nexec poweroff -f\n' >"$1/.s6-svscan/finish"
    chmod 755 "$1/idle/run" "$1/idle/finish" "$1/.s6-svscan/finish"
}

# debian_inits_image NAME [PACKAGE...]: loads a Debian image NAME that holds the packages, by default systemd,
# sysvinit (as /sbin/init), runit and s6 (with the scan directory /etc/s6); made once and cached.
debian_inits_image() {
    need umoci mmdebstrap
    local name=$1 key cached
    shift
    [ $# -gt 0 ] || set -- systemd sysvinit-core runit s6
    key=$({ declare -f debian_inits_image s6_scan_directory debian_rootfs new_image add_layer pack_oci; echo "$@"; } | sha256sum | cut -c1-16)
    cached=$MSB_CACHE/test/inits-$key.tar
    if [ ! -f "$cached" ]; then
        debian_rootfs "$T/.inits.tar" "$@"
        mkdir -p "$T/.inits"
        tar -C "$T/.inits" -xf "$T/.inits.tar" --exclude='./dev/*' --exclude='./usr/share/doc/*' \
            --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./usr/share/i18n/*' \
            --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/perl/*' \
            --exclude='./usr/lib/x86_64-linux-gnu/perl/*' --exclude='./usr/lib/x86_64-linux-gnu/gconv/*'
        s6_scan_directory "$T/.inits/etc/s6"
        new_image "$T/.inits.layout" --config.stopsignal SIGRTMIN+3
        add_layer "$T/.inits.layout" "$T/.inits"
        pack_oci "$T/.inits.layout" "$cached.$$"
        mv "$cached.$$" "$cached"
        rm -rf "$T/.inits" "$T/.inits.tar" "$T/.inits.layout"
    fi
    msb load -q -i "$cached" -t "$name"
}

# busy_machine: more than two processes want each CPU, so that what depends on seconds can take many times as long.
busy_machine() { awk -v cpus="$(nproc)" '{exit $1 < 2 * cpus}' /proc/loadavg; }

# stopped_by_itself NAME: the init, or the guest, did not have to be ended at the end of its time.
stopped_by_itself() {
    local log
    for log in kernel runtime; do
        assert_not_contains "$(cat "$MSB_HOME/sandboxes/$1/logs/$log.log")" "did not power off in time" "$log.log"
    done
}

# host_pids_of NAME...: process ids of this test's processes that have one of these names.
host_pids_of() {
    local name
    for name in "$@"; do test_processes | awk -v n="$name" '$2 == n {print $1}'; done
}

# has_socket PID: the command has connected to something, a sandbox say, and waits for it.
has_socket() { find "/proc/$1/fd" -lname 'socket:*' | grep -q .; }

# hold_runtime PID: keeps a sandbox's runtime from ending, even by SIGKILL, until release_runtime. It is process 1 of
# its pid namespace, which the kernel lets go only when all others there have been waited for; this puts one there
# whose parent is stopped. Fails on a machine that does not allow that (needs root).
hold_runtime() {
    [ "$(id -u)" -eq 0 ] && command -v nsenter >/dev/null || return 1
    helper nsenter --target "$1" --pid sleep 1000
    holder_pid=$helper_pid
    eventually 10 grep -q . "/proc/$holder_pid/task/$holder_pid/children"
    kill -STOP "$holder_pid"
}
release_runtime() {
    kill -CONT "$holder_pid"
    wait "$holder_pid" 2>/dev/null || :
}

# ---- registry ------------------------------------------------------------------------------------

# start_registry [tls]: a registry on loopback, plain HTTP, or HTTPS with a certificate that $T/ca.pem
# vouches for. Both have the same content. Sets $REGISTRY (host:port) and $registry_pid.
start_registry() {
    need docker-registry
    local tls='' log=$T/.registry.log
    mkdir -p "$T/.registry"
    if [ "${1:-}" = tls ]; then
        make_certificates
        tls=", tls: {certificate: $T/.server.pem, key: $T/.server.key}"
        log=$T/.registry-tls.log
    fi
    cat >"$T/.registry.yml" <<YAML
version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: $T/.registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:0"$tls}
YAML
    helper docker-registry serve "$T/.registry.yml" >"$log" 2>&1
    registry_pid=$helper_pid
    eventually 10 grep -q 'listening on' "$log"
    REGISTRY=$(sed -n 's/.*listening on \([0-9.]*:[0-9]*\).*/\1/p' "$log" | head -n 1)
}

# make_certificates: $T/ca.pem and, signed by it, $T/.server.pem with its key for 127.0.0.1.
make_certificates() {
    need openssl
    local request=(openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
    "${request[@]}" -x509 -days 2 -subj "/CN=test authority" -keyout "$T/.ca.key" -out "$T/ca.pem" 2>/dev/null
    "${request[@]}" -subj "/CN=registry" -keyout "$T/.server.key" -out "$T/.server.csr" 2>/dev/null
    printf 'subjectAltName=IP:127.0.0.1\n' >"$T/.san"
    openssl x509 -req -days 2 -in "$T/.server.csr" -CA "$T/ca.pem" -CAkey "$T/.ca.key" -CAcreateserial \
        -extfile "$T/.san" -out "$T/.server.pem" 2>/dev/null
}

# start_front MODE [ARGUMENT]: something that misbehaves before $REGISTRY (plain HTTP); the modes are in
# registry_front.py. Sets $FRONT (host:port), $FRONT_LOG (a line a request) and $front_pid.
start_front() {
    need python3
    local port=$T/.front-port
    FRONT_LOG=$(mktemp "$T/front.XXXXXX")
    rm -f "$port"
    helper python3 -B "$TESTS_DIR/registry_front.py" "$port" "$FRONT_LOG" "http://$REGISTRY" "$@"
    front_pid=$helper_pid
    eventually 10 test -f "$port"
    # shellcheck disable=SC2034 # for the test
    FRONT=127.0.0.1:$(cat "$port")
}

stop_front() {
    kill "$front_pid"
    wait "$front_pid" 2>/dev/null || :
}

stop_registry() {
    kill "$registry_pid"
    wait "$registry_pid" || :
}

# push_image LAYOUT NAME:TAG: copies an OCI layout's image into the registry.
push_image() {
    need skopeo
    skopeo --insecure-policy copy -q --dest-tls-verify=false "oci:$1:latest" "docker://$REGISTRY/$2"
}
