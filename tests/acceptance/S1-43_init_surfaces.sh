#!/usr/bin/env bash
# An init system by the library: a path or "auto" as text, a dict, an InitConfig and a tuple say the same.
. "$(dirname "$0")/../lib.sh"
python_tests test_sandbox.Boot.test_init_forms
no_leftovers
