// The guest's own hosts, resolv.conf and name servers may say anything.
#include "agent/tcp/names.hpp"

using namespace msb;
using namespace msb::agent;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Bytes a = *make_question(0x1234, "db.example", RecordType::a);
    static const Bytes aaaa = *make_question(0x1234, "db.example", RecordType::aaaa);
    const BytesView input(data, size);
    for (const Bytes& question : {a, aaaa}) {
        const auto answer = parse_answer(input, question);
        if (answer && answer->addresses.size() > max_addresses)
            __builtin_trap();
    }
    if (find_in_hosts(as_text(input), "db").size() > max_addresses)
        __builtin_trap();
    const ResolverConfig config = parse_resolver_config(as_text(input));
    for (const std::string& name : candidate_names(config, as_text(input)))
        (void)make_question(1, name, RecordType::a);
    (void)parse_address(as_text(input));
    return 0;
}
