// The heads of HTTP/1 messages (RFC 9112), read strictly: what two readers could understand in different
// ways is refused, because then a server could see another request than the one that was judged.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::tls {

inline constexpr std::size_t most_head = std::size_t{64} << 10;
inline constexpr std::size_t most_fields = 256;
inline constexpr std::size_t most_method = 32;
inline constexpr std::string_view head_end = "\r\n\r\n"; ///< of the last line, and an empty one

struct Field {
    std::string name, value; ///< the value without blanks around it
    bool secret = false;     ///< the value of a secret is in it
};

/// Names of fields whatever their case.
bool same_name(std::string_view a, std::string_view b);

struct Head {
    std::vector<Field> fields;

    const std::string* find(std::string_view name) const; ///< the first
    void remove(std::string_view name);
    void set(std::string_view name, std::string value);
    std::size_t count(std::string_view name) const;
};

struct RequestHead : Head {
    std::string method, target;
    unsigned minor = 1; ///< HTTP/1.x

    std::string_view path() const; ///< of the target, without what is behind '?'
    std::string text() const;      ///< as it is sent
};

struct ResponseHead : Head {
    std::string status_line; ///< as it came
    unsigned status = 0, minor = 1;

    std::string text() const;
};

/// How long a body is.
struct Framing {
    enum class Kind { none, length, chunked, until_close } kind = Kind::none;
    std::uint64_t length = 0;
};

/// Why a message is refused, in words.
using Refusal = std::string;

/// `text`: with the empty line at its end.
std::expected<RequestHead, Refusal> read_request(std::string_view text);
std::expected<ResponseHead, Refusal> read_response(std::string_view text);
std::expected<Framing, Refusal> request_framing(const RequestHead& head);
std::expected<Framing, Refusal> response_framing(const ResponseHead& head, std::string_view method);

/// Lines of fields, as behind a body in chunks. `text`: each with its end.
std::expected<std::vector<Field>, Refusal> read_fields(std::string_view text);
std::string fields_text(const std::vector<Field>& fields);

/// Whether the first bytes of a connection could be a request: "GET /..." and not TLS, SSH or SMTP.
enum class Looks { request, other, unknown };
Looks looks_like_request(std::string_view begin);

} // namespace msb::tls
