#!/usr/bin/env bash
# ctest: timeout=120
# Rules with names hold for lookups whatever their protocol and port; addresses and groups never do, but for the host's.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

lookups names --net-rule 'allow@www.test.example:tcp:443,deny@*.bad.test.example:tcp:1,allow@*.test.example:icmpv4'
for transport in udp tcp; do
    asks names $transport 0 www.test.example
    asks names $transport 3 a.bad.test.example
    asks names $transport 0 other.test.example
done
lookups addresses --net-rule "allow@0.0.0.0/0,allow@[::/0],allow@public,allow@private,allow@link-local,allow@meta,allow@multicast,allow@172.16.0.0/12"
asks addresses udp 3 www.test.example
asks addresses tcp 3 www.test.example
lookups denied --net-rule "deny@0.0.0.0/0,deny@[::/0],deny@public,deny@private,deny@172.16.0.0/12,allow@dns"
asks denied udp 0 www.test.example
lookups host --net-rule 'allow@host'
asks host udp 0 www.test.example
asks host tcp 0 www.test.example
host_ok rm -q -f names addresses denied host
no_leftovers
