// Queries of a guest and answers of resolvers, any bytes; answers to our own questions too.
#include "base/testing/check.hpp"
#include "dns/records.hpp"

#include <array>

using namespace msb;
using namespace msb::dns;

namespace {

using msb::testing::check;

void check_answers(BytesView message) {
    for (const std::uint16_t type : {type_a, type_aaaa}) {
        const auto answer = parse_answer(message, *make_question(0x1234, "db.example", type));
        check(!answer || answer->addresses.size() <= max_addresses);
    }
}

/// What is taken out of service records is gone, and nothing else is broken by it.
void check_records(BytesView message) {
    for (const std::size_t question_end : {header_size, header_size + 7}) {
        (void)read_contents(message, question_end);
        Bytes cleaned(message.begin(), message.end());
        constexpr std::array unwanted = {ServiceKey::ech, ServiceKey::ipv4_hint};
        if (!remove_service_keys(cleaned, question_end, unwanted))
            continue;
        check(cleaned.size() == message.size());
        const Bytes once = cleaned;
        check(remove_service_keys(cleaned, question_end, unwanted));
        check(once == cleaned);
    }
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView message(data, size);
    check_answers(message);
    check_records(message);
    const auto parsed = parse_query(message);
    if (!parsed)
        return 0;
    const Query& query = parsed->query;
    check(query.question.end <= size && query.question.end >= header_size);
    check(query.question.name.size() <= 4 * 255);
    const auto address = parsed->code == Code::no_error && size % 2 == 0
                             ? std::optional(IpAddress::loopback(size % 4 == 0))
                             : std::nullopt;
    const Bytes answer =
        make_answer(message, query, parsed->code, address, size % 3 == 0 ? "why" : "");
    const BytesView question = message.subspan(header_size, query.question.end - header_size);
    check(answers(answer, query.id, question));
    check(!answers(message, query.id, question)); // it is a query
    check(answers(truncate(answer, query.question.end), query.id, question));
    (void)answers(message, 0, BytesView(data, size / 2));
    return 0;
}
