#include "ssh/keys.hpp"

#include "base/bytes.hpp"

#include <algorithm>

namespace msb::ssh {

namespace {

constexpr std::size_t longest_line = std::size_t{16} << 10;
constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Cuts off the first word.
std::string_view take_word(std::string_view& text) {
    const std::size_t end = std::min(text.find_first_of(blanks), text.size());
    const std::string_view word = text.substr(0, end);
    text = trimmed(text.substr(end));
    return word;
}

/// The type that a key's bytes begin with (RFC 4253, section 6.6).
std::optional<std::string> type_of(std::string_view blob) {
    const auto bytes = from_base64(blob);
    if (!bytes || bytes->size() < 4)
        return std::nullopt;
    const std::size_t length = load_be<std::uint32_t>(*bytes);
    if (length == 0 || length > 64 || length + 4 >= bytes->size())
        return std::nullopt;
    return std::string(as_text(BytesView(*bytes).subspan(4, length)));
}

bool is_key_type(std::string_view type) {
    return type.starts_with("ssh-") || type.starts_with("ecdsa-") || type.starts_with("sk-");
}

} // namespace

Result<PublicKey> parse_public_key(std::string_view line) {
    std::string_view rest = trimmed(line);
    if (rest.size() > longest_line || rest.find('\n') != std::string_view::npos)
        return invalid("invalid public key: it is one line, as in a file ~/.ssh/id_*.pub");
    const std::string_view first = take_word(rest);
    PublicKey key;
    key.blob = is_key_type(first) ? take_word(rest) : first;
    key.comment = rest;
    const auto type = type_of(key.blob);
    if (!type || !is_key_type(*type) || (is_key_type(first) && first != *type))
        return fail(Error(ErrorKind::invalid_argument, "invalid public key")
                        .with_hint("a key is a line like `ssh-ed25519 AAAA... comment`, without "
                                   "options before it: see ~/.ssh/id_*.pub"));
    key.type = *type;
    return key;
}

std::vector<PublicKey> parse_authorized_keys(std::string_view text, std::size_t& unreadable) {
    std::vector<PublicKey> keys;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#'))
            continue;
        if (auto key = parse_public_key(line))
            keys.push_back(std::move(*key));
        else
            ++unreadable;
    }
    return keys;
}

} // namespace msb::ssh
