# For tests of the TypeScript SDK, after lib.sh: the package as a user installs it, Node, and Bun.
# shellcheck shell=bash

TYPESCRIPT=$SOURCE_DIR/sdk/typescript

# node_modules: sets $NODE_MODULES, which builds and tests the package, and $BUN.
node_modules() {
    need node npm
    need_kernel
    [ -f "$MSB_BUILD/sdk/typescript/microsandbox.node" ] || skip "built without the header node_api.h of Node"
    export npm_config_cache=$T/npm-cache npm_config_update_notifier=false
    NODE_MODULES=$("$TYPESCRIPT/scripts/modules.sh" 2>"$T/.npm") ||
        { tail -n 5 "$T/.npm"; skip "npm cannot fetch what builds the TypeScript SDK, and the cache does not have it"; }
    # shellcheck disable=SC2034 # for the test
    BUN=$NODE_MODULES/@oven/bun-linux-x64-baseline/bin/bun
}

# node_application DIR: installs the package into the new directory DIR, from an archive as npm packs it.
node_application() {
    [ -n "${NODE_MODULES:-}" ] || node_modules
    "$TYPESCRIPT/scripts/bundle.sh" "$MSB_BUILD" "$T/package" >"$T/.bundle" 2>&1 ||
        { cat "$T/.bundle" >&2; fail_test "the package cannot be assembled"; }
    mkdir "$1"
    (cd "$T" && npm pack --silent ./package >/dev/null)
    echo '{"private": true, "type": "module"}' >"$1/package.json"
    npm install --prefix "$1" --offline --no-audit --no-fund --silent "$T"/microsandbox-*.tgz >&2
    rm -rf "$T/package" "$T"/microsandbox-*.tgz
}

# node_init_test IMAGE: an init by the TypeScript SDK, under Node and Bun (S1-43). IMAGE is init_image's.
node_init_test() {
    [ -d "$T/app" ] || node_application "$T/app"
    cp "$TYPESCRIPT/test/init.mjs" "$T/app"
    local engine
    for engine in node "$BUN"; do
        run_ok env -C "$T/app" "$engine" init.mjs "$1"
        assert_eq "${out:-}" ok "init under $engine"
    done
}

# node_tests NAME...: these files of the TypeScript SDK's tests, under Node, in the package as npm installs it; of their
# tests those whose names match $NODE_PATTERN, if that is set.
node_tests() {
    node_application "$T/app"
    local name
    for name; do cp "$TYPESCRIPT/test/$name.test.ts" "$T/app"; done
    cp "$TYPESCRIPT/test/support.ts" "$T/app"
    printf '{"extends": "%s", "compilerOptions": {"rootDir": ".", "outDir": ".", "declaration": false, "typeRoots": ["%s"]}, "include": ["*.ts"], "exclude": []}' \
        "$TYPESCRIPT/tsconfig.json" "$NODE_MODULES/@types" >"$T/app/tsconfig.json"
    run_ok env -C "$T/app" node "$NODE_MODULES/typescript/bin/tsc" -p .
    for name; do
        run_ok limited 120 env -C "$T/app" node --test ${NODE_PATTERN:+"--test-name-pattern=$NODE_PATTERN"} "./$name.test.js"
        assert_not_contains "$out" "# pass 0" "tests of $name"
    done
}

