#!/usr/bin/env bash
# The Python package against real sandboxes.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
python_tests test_sandbox test_network.Networks test_patches
no_leftovers
