#!/usr/bin/env bash
# ctest: timeout=1200
# ctest: heavy
# Chromium and Firefox, each with its own sandbox, take a picture of a page in a guest of the default size.
. "$(dirname "$0")/../lib.sh"
need_kernel uml-tuned # the other kernel cannot run their sandboxes (docs/guest.md)
need umoci mmdebstrap

debian_rootfs "$T/root.tar" chromium chromium-sandbox firefox-esr passwd
mkdir "$T/root"
tar -C "$T/root" -xf "$T/root.tar" --exclude='./dev/*' --exclude='./usr/share/doc/*' --exclude='./usr/share/locale/*'
rm "$T/root.tar"
echo '<h1>sum <script>document.write(40+2)</script></h1>' >"$T/root/page.html"
new_image "$T/layout"
add_layer "$T/layout" "$T/root"
rm -rf "$T/root"
pack_oci "$T/layout" "$T/image.tar"
run_ok limited 300 msb load -q -i "$T/image.tar" -t browsers
run_ok msb create -q -n box --kernel uml-tuned browsers
run_ok msb exec box -- useradd -m -u 1234 someone
# Of a size, so that an empty picture does not pass.
picture() {
    run limited 200 msb exec box -u 1234 -e HOME=/home/someone -w /home/someone -- "$@"
    [ "$code" -eq 0 ] || { show; fail_test "exit code $code: $1"; }
    run_ok msb cp -q box:/home/someone/picture.png "$T/$1.png"
    file_size=$(stat -c %s "$T/$1.png")
    [ "$file_size" -gt 2000 ] || fail_test "the picture of $1 has $file_size bytes"
    run_ok msb exec box -- rm /home/someone/picture.png
}
picture chromium --headless --disable-gpu --window-size=400,200 --screenshot=picture.png file:///page.html
picture firefox-esr --headless --window-size 400,200 --screenshot /home/someone/picture.png file:///page.html
run_ok msb rm -q -f box
no_leftovers
