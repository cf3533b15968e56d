// Any bytes as hosts(5) and resolv.conf(5).
#include "dns/message.hpp"

#include <cstdlib>

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text(BytesView(data, size));
    if (dns::find_in_hosts(text, "db").size() > dns::max_addresses)
        std::abort();
    const dns::ResolverConfig config = dns::parse_resolver_config(text);
    if (config.servers.size() > 3 || config.search.size() > 32 || config.options.size() > 16)
        std::abort();
    for (const std::string& name : dns::candidate_names(config, text))
        (void)dns::make_question(1, name, dns::type_a);
    return 0;
}
