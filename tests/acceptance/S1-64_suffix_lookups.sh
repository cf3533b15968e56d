#!/usr/bin/env bash
# ctest: timeout=120
# With a suffix allowed and nothing else, names below it are found and no others.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

lookups box --net-rule 'allow@*.good.test.example'
for transport in udp tcp; do
    asks box $transport 0 good.test.example
    asks box $transport 0 a.good.test.example
    asks box $transport 0 A.b.GOOD.test.example 28
    asks box $transport 3 test.example
    asks box $transport 3 bad.test.example
    asks box $transport 3 notgood.test.example
    asks box $transport 3 good.test.example.bad.test.example
done
host_ok rm -q -f box
no_leftovers
