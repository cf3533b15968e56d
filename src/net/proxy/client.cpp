#include "net/proxy/client.hpp"

#include "base/bytes.hpp"

#include <algorithm>

namespace msb::net {

namespace {

constexpr std::uint8_t socks_version = 5, password_version = 1;
constexpr std::uint8_t no_password = 0, by_password = 2, no_method = 0xff;
constexpr std::uint8_t command_connect = 1;
constexpr std::uint8_t kind_v4 = 1, kind_name = 3, kind_v6 = 4;
constexpr std::size_t longest_text = 255; // one byte says how long

std::unexpected<Error> refused(std::string why) {
    return fail(ErrorKind::unreachable, "the proxy " + std::move(why));
}

void add_text(Bytes& out, std::string_view text) {
    out.push_back(static_cast<std::uint8_t>(text.size()));
    out.insert(out.end(), text.begin(), text.end());
}

/// RFC 1928 §6
std::string_view socks_reason(std::uint8_t code) {
    constexpr std::string_view reasons[] = {"",
                                            "has failed",
                                            "does not allow the connection",
                                            "cannot reach the network",
                                            "cannot reach the host",
                                            "was refused by the host",
                                            "waited too long",
                                            "does not know how to connect",
                                            "does not know the kind of address"};
    return code < std::size(reasons) ? reasons[code] : "refuses";
}

} // namespace

ProxyClient::ProxyClient(const Proxy& proxy, std::string host, std::uint16_t port)
    : proxy_(proxy), host_(std::move(host)), port_(port),
      step_(proxy.kind == Proxy::Kind::http ? Step::http_answer : Step::socks_method) {
    if (proxy.kind == Proxy::Kind::http) {
        ask_http();
    } else if (proxy.username.empty()) {
        output_ = {socks_version, 1, no_password};
    } else {
        output_ = {socks_version, 2, no_password, by_password};
    }
}

Result<std::size_t> ProxyClient::take(BytesView data) {
    switch (step_) {
    case Step::http_answer: return take_http(data);
    case Step::socks_method: return take_method(data);
    case Step::socks_password: return take_password(data);
    case Step::socks_answer: return take_socks_answer(data);
    case Step::done: break;
    }
    return 0;
}

// ---- HTTP ----

void ProxyClient::ask_http() {
    const std::string host = host_.find(':') != std::string::npos ? "[" + host_ + "]" : host_;
    const std::string authority = host + ":" + std::to_string(port_);
    std::string request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    if (!proxy_.username.empty())
        request += "Proxy-Authorization: Basic " +
                   to_base64(as_bytes(proxy_.username + ":" + proxy_.password)) + "\r\n";
    request += "\r\n";
    output_.assign(request.begin(), request.end());
}

Result<std::size_t> ProxyClient::take_http(BytesView data) {
    const std::string_view text = as_text(data.first(std::min(data.size(), most_answer)));
    const auto end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        if (text.size() == most_answer)
            return refused("has a longer answer than 8192 bytes");
        return 0;
    }
    // "HTTP/1.1 200 ..."
    constexpr std::size_t code_at = 9, code_end = 12;
    const std::string_view line = text.substr(0, text.find("\r\n"));
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!line.starts_with("HTTP/1.") || line.size() < code_end || line[code_at - 1] != ' ' ||
        !std::ranges::all_of(line.substr(code_at, 3), is_digit))
        return refused("does not speak HTTP");
    const std::string_view code = line.substr(code_at, 3);
    if (code == "407")
        return refused(proxy_.username.empty() ? "requires credentials (status 407)"
                                               : "rejects the credentials (status 407)");
    if (code[0] != '2')
        return refused("rejects the connection (status " + std::string(code) + ")");
    step_ = Step::done;
    return end + 4;
}

// ---- SOCKS5 ----

Result<std::size_t> ProxyClient::take_method(BytesView data) {
    if (data.size() < 2)
        return 0;
    if (data[0] != socks_version)
        return refused("does not speak SOCKS5");
    if (data[1] == no_password) {
        ask_socks();
    } else if (data[1] == by_password && !proxy_.username.empty()) {
        output_ = {password_version};
        add_text(output_, std::string_view(proxy_.username).substr(0, longest_text));
        add_text(output_, std::string_view(proxy_.password).substr(0, longest_text));
        step_ = Step::socks_password;
    } else {
        return refused(data[1] == no_method && !proxy_.username.empty()
                           ? "takes no password"
                           : "requires credentials that there are none for");
    }
    return 2;
}

Result<std::size_t> ProxyClient::take_password(BytesView data) {
    if (data.size() < 2)
        return 0;
    if (data[1] != 0)
        return refused("rejects the credentials");
    ask_socks();
    return 2;
}

void ProxyClient::ask_socks() {
    output_ = {socks_version, command_connect, 0};
    if (const auto address = IpAddress::parse(host_)) {
        output_.push_back(address->v6 ? kind_v6 : kind_v4);
        const auto size = address->v6 ? 16 : 4;
        output_.insert(output_.end(), address->bytes.begin(), address->bytes.begin() + size);
    } else {
        output_.push_back(kind_name);
        add_text(output_, std::string_view(host_).substr(0, longest_text));
    }
    output_.push_back(static_cast<std::uint8_t>(port_ >> 8));
    output_.push_back(static_cast<std::uint8_t>(port_));
    step_ = Step::socks_answer;
}

/// Version, reply, 0, and the proxy's own end: kind, address, port.
Result<std::size_t> ProxyClient::take_socks_answer(BytesView data) {
    constexpr std::size_t head = 4, port_size = 2;
    if (data.size() < 2)
        return 0;
    if (data[0] != socks_version)
        return refused("does not speak SOCKS5");
    if (data[1] != 0)
        return refused(std::string(socks_reason(data[1])));
    if (data.size() < head + 1)
        return 0;
    std::size_t size = head + port_size;
    switch (data[3]) {
    case kind_v4: size += 4; break;
    case kind_v6: size += 16; break;
    case kind_name: size += 1 + std::size_t{data[4]}; break;
    default: return refused("has an address of no known kind");
    }
    if (data.size() < size)
        return 0;
    step_ = Step::done;
    return size;
}

} // namespace msb::net
