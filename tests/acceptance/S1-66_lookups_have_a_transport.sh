#!/usr/bin/env bash
# ctest: timeout=120
# A rule for any destination is held against the transport that a lookup really has.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

lookups udp --net-rule 'allow@any:udp:53'
asks udp udp 0 www.test.example
asks udp tcp 3 www.test.example
lookups tcp --net-rule 'allow@any:tcp:53'
asks tcp udp 3 www.test.example
asks tcp tcp 0 www.test.example
lookups other --net-rule 'allow@any:udp:54'
asks other udp 3 www.test.example
host_ok rm -q -f udp tcp other
no_leftovers
