#!/usr/bin/env bash
# The Python package against real sandboxes.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
python_tests test_lifecycle test_boot test_commands test_files test_logs test_patches test_network.Networks test_private_networks
no_leftovers
