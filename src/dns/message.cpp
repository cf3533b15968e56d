#include "dns/message.hpp"

#include "dns/labels.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace msb::dns {

namespace {

constexpr std::size_t longest_host_name = 253; ///< without the final dot
constexpr std::uint16_t flag_response = 0x8000, flag_authoritative = 0x0400,
                        flag_truncated = 0x0200, flag_recursion_desired = 0x0100,
                        flag_recursion_available = 0x0080, mask_opcode = 0x7800;
constexpr std::uint8_t mask_code = 0x0f; // in byte 3
constexpr std::uint16_t type_opt = 41;
constexpr std::uint32_t address_ttl = 60;
constexpr std::uint16_t our_answer_size = 4096;
constexpr std::size_t longest_reason = 200;
constexpr std::uint16_t option_extended_error = 15, extended_error_blocked = 15;

void append16(Bytes& bytes, std::uint16_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

std::uint8_t lower(std::uint8_t c) {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + 32) : c;
}

/// The question behind the header. No compression: there is nothing it could point to.
std::optional<Question> parse_question(BytesView message) {
    Question question;
    std::size_t at = header_size;
    for (;;) {
        if (at >= message.size())
            return std::nullopt;
        const std::size_t length = message[at++];
        if (length == 0)
            break;
        if (length > longest_label || length > message.size() - at ||
            at + length - header_size > longest_name)
            return std::nullopt;
        append_label(question.name, message.subspan(at, length));
        at += length;
    }
    if (message.size() - at < 4)
        return std::nullopt;
    question.type = load_be<std::uint16_t>(message.subspan(at));
    question.type_class = load_be<std::uint16_t>(message.subspan(at + 2));
    question.end = at + 4;
    return question;
}

/// An OPT record directly behind the question, where those who ask put it.
void parse_opt(BytesView message, Query& query) {
    const BytesView record = message.subspan(query.question.end);
    constexpr std::size_t fixed = 11;
    if (record.size() < fixed || record[0] != 0 ||
        load_be<std::uint16_t>(record.subspan(1)) != type_opt)
        return;
    query.extended = true;
    query.answer_size = std::max<std::uint16_t>(512, load_be<std::uint16_t>(record.subspan(3)));
}

/// Steps over a possibly compressed name; false at the end of the message.
bool skip_name(BytesView message, std::size_t& at) {
    while (at < message.size()) {
        const std::uint8_t length = message[at++];
        if (length == 0)
            return true;
        if ((length & 0xc0U) == 0xc0U) // a pointer ends the name
            return ++at <= message.size();
        if (length > longest_label)
            return false;
        at += length;
    }
    return false;
}

} // namespace

void append_label(std::string& name, BytesView label) {
    if (!name.empty())
        name += '.';
    for (const std::uint8_t c : label) {
        const std::uint8_t small = lower(c);
        const bool plain = small > ' ' && small < 0x7f && small != '.' && small != '\\';
        if (plain)
            name += static_cast<char>(small);
        else
            name += fmt::format("\\{:03}", c); // RFC 1035 §5.1
    }
}

std::optional<ParsedQuery> parse_query(BytesView message) {
    if (message.size() < header_size)
        return std::nullopt;
    const auto flags = load_be<std::uint16_t>(message.subspan(2));
    if ((flags & flag_response) != 0)
        return std::nullopt;
    ParsedQuery result;
    result.query.id = load_be<std::uint16_t>(message);
    result.query.recursion_desired = (flags & flag_recursion_desired) != 0;
    result.query.question.end = header_size;
    if ((flags & mask_opcode) != 0) {
        result.code = Code::not_implemented;
        return result;
    }
    const auto question = parse_question(message);
    if (!question || load_be<std::uint16_t>(message.subspan(4)) != 1) {
        result.code = Code::format_error;
        return result;
    }
    result.query.question = *question;
    parse_opt(message, result.query);
    return result;
}

bool answers(BytesView answer, std::uint16_t id, BytesView question) {
    if (answer.size() < header_size || load_be<std::uint16_t>(answer) != id ||
        (load_be<std::uint16_t>(answer.subspan(2)) & flag_response) == 0)
        return false;
    const auto count = load_be<std::uint16_t>(answer.subspan(4));
    const BytesView rest = answer.subspan(header_size);
    // Errors may come without the question.
    if (count == 0)
        return (answer[3] & mask_code) != 0;
    return count == 1 && rest.size() >= question.size() &&
           std::ranges::equal(rest.first(question.size()), question,
                              [](std::uint8_t a, std::uint8_t b) { return lower(a) == lower(b); });
}

bool is_no_help(BytesView answer) {
    const auto code = static_cast<Code>(answer[3] & mask_code);
    return code == Code::server_failure || code == Code::not_implemented || code == Code::refused;
}

Bytes make_answer(BytesView message, const Query& query, Code code,
                  const std::optional<IpAddress>& address, std::string_view blocked) {
    const std::size_t end = query.question.end;
    Bytes answer(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(end));
    auto flags = static_cast<std::uint16_t>(flag_response | flag_recursion_available |
                                            static_cast<std::uint16_t>(code));
    if (query.recursion_desired)
        flags |= flag_recursion_desired;
    if (address)
        flags |= flag_authoritative;
    const MutableBytesView view(answer);
    store_be(view.subspan(2), flags);
    store_be(view.subspan(4), static_cast<std::uint16_t>(end > header_size ? 1 : 0));
    store_be(view.subspan(6), static_cast<std::uint16_t>(address ? 1 : 0));
    store_be(view.subspan(8), std::uint16_t{0});
    store_be(view.subspan(10), static_cast<std::uint16_t>(query.extended ? 1 : 0));
    if (address) {
        append16(answer, 0xc000 | header_size); // the question's name
        append16(answer, address->v6 ? type_aaaa : type_a);
        append16(answer, class_in);
        append16(answer, address_ttl >> 16);
        append16(answer, address_ttl & 0xffff);
        append16(answer, address->v6 ? 16 : 4);
        answer.insert(answer.end(), address->view().begin(), address->view().end());
    }
    if (query.extended) {
        answer.push_back(0);
        append16(answer, type_opt);
        append16(answer, our_answer_size);
        append16(answer, 0);
        append16(answer, 0);
        if (blocked.empty()) {
            append16(answer, 0);
            return answer;
        }
        // As much of the reason as an asker is sure to take.
        blocked = blocked.substr(0, valid_utf8_prefix(blocked.substr(0, longest_reason)));
        append16(answer, static_cast<std::uint16_t>(6 + blocked.size()));
        append16(answer, option_extended_error);
        append16(answer, static_cast<std::uint16_t>(2 + blocked.size()));
        append16(answer, extended_error_blocked);
        answer.insert(answer.end(), blocked.begin(), blocked.end());
    }
    return answer;
}

bool is_truncated(BytesView answer) {
    return (load16(answer, 2) & flag_truncated) != 0;
}

Bytes truncate(BytesView answer, std::size_t question_end) {
    Bytes result(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(
                                                      std::min(question_end, answer.size())));
    const MutableBytesView view(result);
    store_be(view.subspan(2), static_cast<std::uint16_t>(load_be<std::uint16_t>(answer.subspan(2)) |
                                                         flag_truncated));
    for (const std::size_t count : {6, 8, 10})
        store_be(view.subspan(count), std::uint16_t{0});
    return result;
}

std::optional<Bytes> make_question(std::uint16_t id, std::string_view name, std::uint16_t type) {
    if (name.empty() || name.size() > longest_host_name)
        return std::nullopt;
    Bytes message(header_size);
    store_be(MutableBytesView(message).first(2), id);
    message[2] = 1; // recursion desired
    message[5] = 1; // one question
    while (!name.empty()) {
        const std::size_t length = std::min(name.find('.'), name.size());
        if (length == 0 || length > longest_label || length + 1 == name.size())
            return std::nullopt;
        message.push_back(static_cast<std::uint8_t>(length));
        message.insert(message.end(), name.begin(),
                       name.begin() + static_cast<std::ptrdiff_t>(length));
        name.remove_prefix(std::min(length + 1, name.size()));
    }
    message.push_back(0);
    append16(message, type);
    append16(message, class_in);
    return message;
}

std::optional<Answer> parse_answer(BytesView message, BytesView question) {
    static constexpr std::size_t max_records = 256;
    if (question.size() < header_size + 5 ||
        !answers(message, load16(question, 0), question.subspan(header_size)))
        return std::nullopt;
    Answer answer;
    if ((load16(message, 2) & flag_truncated) != 0) {
        answer.outcome = Answer::Outcome::truncated;
        return answer;
    }
    const auto code = static_cast<Code>(message[3] & mask_code);
    if (code != Code::no_error) {
        answer.outcome = code == Code::no_such_name ? Answer::Outcome::no_such_name
                                                    : Answer::Outcome::server_failed;
        return answer;
    }
    // The type was asked for, so an address anywhere behind the question belongs to the name or to
    // what it is an alias of.
    const std::uint16_t type = load16(question, question.size() - 4);
    const std::size_t size = type == type_a ? 4 : 16;
    const std::size_t count = std::min<std::size_t>(load16(message, 6), max_records);
    std::size_t at = question.size();
    answer.outcome = Answer::Outcome::no_such_record;
    for (std::size_t i = 0; i < count && answer.addresses.size() < max_addresses; ++i) {
        if (!skip_name(message, at) || message.size() - at < 10)
            break;
        const std::size_t length = load16(message, at + 8);
        const bool matches =
            load16(message, at) == type && load16(message, at + 2) == class_in && length == size;
        answer.ttl = std::min(answer.ttl, load_be<std::uint32_t>(message.subspan(at + 4)));
        at += 10;
        if (message.size() - at < length)
            break;
        if (matches) {
            answer.addresses.push_back(IpAddress::from(message.subspan(at, size)));
            answer.outcome = Answer::Outcome::addresses;
        }
        at += length;
    }
    return answer;
}

} // namespace msb::dns
