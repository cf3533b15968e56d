#!/usr/bin/env bash
# Images from Go.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
busybox_image "$T/image.tar"
export MSB_TEST_IMAGE=$T/image.tar
go_tests TestImages
no_leftovers
