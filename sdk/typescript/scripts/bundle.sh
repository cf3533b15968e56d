#!/bin/bash
# bundle.sh BUILD DIRECTORY: assembles the npm package in the new DIRECTORY, ready for `npm pack`, from these
# sources and the build tree BUILD. With everything it needs at run time: the programs and the guest's
# kernel lie in its folder bundle.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
package=$2
module=$build/sdk/typescript/microsandbox.node
[ -f "$module" ] || { echo "$module was not built: node_api.h of Node was not found" >&2; exit 1; }
[ -f "$build/lib/libmicrosandbox.so" ] || { echo "$build/lib/libmicrosandbox.so was not built" >&2; exit 1; }
modules=$("$here/scripts/modules.sh")

mkdir -p "$package/native"
package=$(cd "$package" && pwd)
node "$modules/typescript/bin/tsc" -p "$here" --outDir "$package/dist" --typeRoots "$modules/@types"
cp "$here/package.json" "$here/README.md" "$here/../../LICENSE" "$package"
strip -o "$package/native/microsandbox.node" "$module"
cmake --install "$build" --prefix "$package/bundle" --strip >/dev/null
# npm packs no links, and nobody compiles against this.
rm -rf "$package/bundle/include" "$package/bundle/lib"
mkdir "$package/bundle/lib"
strip -o "$package/bundle/lib/libmicrosandbox.so" "$build/lib/libmicrosandbox.so"
find "$package/bundle" -type l -delete
# One kernel is enough.
share=$package/bundle/share/microsandbox
[ ! -d "$share/kernels/uml-tuned" ] || rm -rf "$share/kernels/uml-debian" "$share/initramfs/uml-debian"*
