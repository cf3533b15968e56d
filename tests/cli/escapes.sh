#!/usr/bin/env bash
# Nothing that an image, an archive or a guest chose reaches a terminal as a control sequence: they are planted
# wherever there is room, and every command that shows something is run at a terminal.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
need_kernel
need script python3

python3 - "$T" <<'PY'
import io, json, sys, tarfile, hashlib
folder = sys.argv[1]
EVIL = '\x1b]0;owned\x07\x1b[31m\u009b31m'
busybox = open('/bin/busybox', 'rb').read()
out = io.BytesIO()
with tarfile.open(fileobj=out, mode='w') as layer:
    def add(name, data=b'', **more):
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        entry.mode = 0o755
        for key, value in more.items():
            setattr(entry, key, value)
        layer.addfile(entry, io.BytesIO(data))
    for name in ('bin', 'proc', 'sys', 'dev', 'etc', 'tmp', 'root'):
        add(name, type=tarfile.DIRTYPE)
    add('bin/busybox', busybox)
    for name in ('sh', 'sleep', 'cat', 'printf', 'true', 'env'):
        add('bin/' + name, type=tarfile.SYMTYPE, linkname='busybox')
layer = out.getvalue()
def image(name, **config):
    config.setdefault('Cmd', ['/bin/sh'])
    env = ['PATH=/bin'] + config.pop('Env', [])
    text = json.dumps({'architecture': 'amd64', 'os': 'linux', 'config': {'Env': env, **config},
                       'rootfs': {'type': 'layers',
                                  'diff_ids': ['sha256:' + hashlib.sha256(layer).hexdigest()]}}).encode()
    with tarfile.open(folder + '/' + name + '.tar', 'w') as archive:
        def put(path, data):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        put('config.json', text)
        put('layer.tar', layer)
        put('manifest.json', json.dumps(
            [{'Config': 'config.json', 'RepoTags': [name + ':latest'], 'Layers': ['layer.tar']}]).encode())
image('labels', Labels={EVIL + 'key': EVIL + 'value'})
image('variables', Env=[EVIL + 'V=x', 'W=' + EVIL], Entrypoint=['/bin/env', EVIL], Cmd=[EVIL])
image('places', WorkingDir='/w' + EVIL, StopSignal='TERM' + EVIL)
image('people', User=EVIL)
PY

# clean COMMAND...: what it shows at a terminal has none of the planted sequences. Whether it succeeds is not the
# question.
clean() {
    local shown
    printf -v words '%q ' "$MSB" "$@"
    shown=$(NO_COLOR=1 timeout 60 script -qec "$words" /dev/null </dev/null 2>&1 || :)
    if LC_ALL=C grep -qa $'\x1b\\]\|\x1b\\[31m\|\x07\|\xc2\x9b' <<<"$shown"; then
        fail_test "control sequences: $* shows $(cat -v <<<"$shown" | head -3)"
    fi
}

evil=$'\x1b]0;owned\x07\x1b[31m\xc2\x9b31m'
for name in labels variables places people; do
    clean load -i "$T/$name.tar"
    clean image inspect "$name"
    clean image inspect --format json "$name"
    clean create -n "$name" "$name"
    clean run --entrypoint /bin/true "$name"
    clean exec "$name" -- /bin/true
    for command in inspect "inspect --format json" "logs --source all" "logs --json" status sessions start; do
        # shellcheck disable=SC2086
        clean $command "$name"
    done
done
for command in "image ls" "images --format json" ls "ls --format json" "ps -a" "ps -a --format json"; do
    # shellcheck disable=SC2086
    clean $command
done

# Text of a guest, and of the user.
run_ok msb exec labels -- printf '%b' "$evil"
clean logs labels
clean logs --timestamps --show-id --grep owned labels
clean logs --color always --no-color labels
run_ok msb exec -d labels -- /bin/sh -c ": '$evil'; exec sleep 100"
clean sessions labels
clean sessions --format json labels
clean exec labels -- "$evil"
clean cp labels:"/$evil" "$T/"
clean cp "$T/$evil" labels:/
clean inspect "$evil"
clean rm "$evil"
clean image rm "$evil"
clean pull "$evil"
clean load -i "$T/$evil"
clean run --net "$evil" -- true
clean run "--$evil"
clean "$evil"
run_ok msb rm -q -f labels variables places people
no_leftovers
