#!/usr/bin/env bash
# The TypeScript SDK: the package builds and is type-checked from outside; its tests run real sandboxes,
# under Node and under Bun.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/node_sdk.sh"

node_application "$T/app"
cd "$T/app"
cp "$TYPESCRIPT"/test/* .
cat >tsconfig.json <<JSON
{
  "extends": "$TYPESCRIPT/tsconfig.json",
  "compilerOptions": { "rootDir": ".", "outDir": ".", "declaration": false, "typeRoots": ["$NODE_MODULES/@types"] },
  "include": ["*.ts"],
  "exclude": []
}
JSON
run_ok node "$NODE_MODULES/typescript/bin/tsc" -p .

busybox_image "$T/image.tar"
make_rootfs "$T/root"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
start_registry
push_image "$T/layout" sdk/pulled:1
export IMAGE_ARCHIVE=$T/image.tar PULLED=$REGISTRY/sdk/pulled:1

# each ENGINE COMMAND...: all must pass, and none be left out.
each() {
    local engine=$1
    shift
    for part in lifecycle commands files network snapshots patches; do
        run limited 120 "$@" "./$part.test.js"
        [ "$code" -eq 0 ] || { show; fail_test "$part under $engine: exit code $code"; }
        assert_not_contains "$out$err" "# SKIP" "$part under $engine"
    done
    no_leftovers
}
each Node node --test
each Bun "$BUN" test --timeout 60000

init_image init:latest
node_init_test init:latest
no_leftovers
