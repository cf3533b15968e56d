// DNS messages (RFC 1035): what a forwarder has to understand of queries and answers, and our own
// queries for addresses. Both sides may send anything.
#pragma once

#include "base/bytes.hpp"
#include "dns/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::dns {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t type_a = 1, type_aaaa = 28, class_in = 1;

enum class Code : std::uint8_t {
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    no_such_name = 3,
    not_implemented = 4,
    refused = 5,
};

struct Question {
    std::string name; ///< lower case, without the last dot; other bytes than printable ones escaped
    std::uint16_t type = 0;
    std::uint16_t type_class = 0;
    std::size_t end = 0; ///< offset of what follows it in the message
};

struct Query {
    std::uint16_t id = 0;
    bool recursion_desired = false;
    Question question;
    bool extended = false;           ///< has an OPT record (RFC 6891)
    std::uint16_t answer_size = 512; ///< that the asker takes over UDP
};

/// A message that may be a query. If `code` is not no_error, answer with that code. parse_query()
/// returns nothing for a message that gets no answer at all.
struct ParsedQuery {
    Code code = Code::no_error;
    Query query;
};
std::optional<ParsedQuery> parse_query(BytesView message);

/// Whether `answer` can be an answer to `question`, which was sent with `id`.
bool answers(BytesView answer, std::uint16_t id, BytesView question);

/// Whether a resolver only says that it does not know, so that another one should be asked.
bool is_no_help(BytesView answer);

/// An answer of our own to `query`, whose message is `message`: no records but `address`, if given.
/// `blocked`: why it is, for askers who understand that (RFC 8914).
Bytes make_answer(BytesView message, const Query& query, Code code,
                  const std::optional<IpAddress>& address = std::nullopt,
                  std::string_view blocked = {});
bool is_truncated(BytesView answer);
/// Header and question only, marked as truncated.
Bytes truncate(BytesView answer, std::size_t question_end);

/// A query of our own for records of one type, recursion desired. Nothing if the name cannot be
/// one.
std::optional<Bytes> make_question(std::uint16_t id, std::string_view name, std::uint16_t type);

struct Answer {
    enum class Outcome { addresses, no_such_name, no_such_record, truncated, server_failed };
    Outcome outcome = Outcome::server_failed;
    std::vector<IpAddress> addresses; ///< at most max_addresses
    std::uint32_t ttl = UINT32_MAX;   ///< seconds that all records up to the last address hold
};
/// The result that a message gives for a query of make_question() of type A or AAAA; nothing if it
/// does not answer it.
std::optional<Answer> parse_answer(BytesView message, BytesView question);

} // namespace msb::dns
