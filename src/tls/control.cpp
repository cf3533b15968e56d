#include "tls/control.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace msb::tls {

namespace {

constexpr std::chrono::seconds client_time{5};

/// What was received, with the values in their places.
Result<SecretsChange> read_change(const std::string& text) {
    const auto end = text.find('\n');
    if (end == std::string::npos)
        return fail(ErrorKind::protocol, "no line of JSON");
    SecretsChange change = MSB_TRY(SecretsChange::from_json(std::string_view(text).substr(0, end)));
    std::string_view values = std::string_view(text).substr(end + 1);
    for (TlsdConfig::Secret& secret : change.secrets) {
        if (secret.value.size() > values.size())
            return fail(ErrorKind::protocol, "fewer values than there are secrets");
        secret.value = values.substr(0, secret.value.size());
        values.remove_prefix(secret.value.size());
    }
    return change;
}

} // namespace

Control::~Control() {
    close();
    if (listener_)
        loop_.unwatch(listener_.get());
}

Status Control::start() {
    return loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

void Control::accept() {
    if (client_) // the others wait
        return;
    client_ = OwnedFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client_)
        return;
    // Level-triggered: without this the loop would come round for those that wait.
    loop_.unwatch(listener_.get());
    deadline_ = loop_.after(client_time, [this] {
        deadline_ = 0;
        close();
    });
    if (!loop_.watch(client_.get(), EPOLLIN, [this](std::uint32_t) { receive(); }))
        close();
}

void Control::receive() {
    std::array<std::uint8_t, 16384> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init)
    const ssize_t size = ::recv(client_.get(), buffer.data(), buffer.size(), 0);
    if (size == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size > 0) {
        received_ += as_text(BytesView(buffer).first(static_cast<std::size_t>(size)));
        ::explicit_bzero(buffer.data(), buffer.size());
        if (received_.size() > most_bytes)
            answer(fail(ErrorKind::limit_exceeded, "too much"));
        return;
    }
    if (size == -1)
        return close();
    auto change = read_change(received_);
    answer(change ? change_(std::move(*change)) : Status(fail(std::move(change).error())));
}

void Control::answer(const Status& done) {
    const std::string text = done ? "ok" : done.error().to_string();
    (void)::send(client_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    close();
}

void Control::close() {
    ::explicit_bzero(received_.data(), received_.size());
    received_.clear();
    loop_.cancel(std::exchange(deadline_, 0));
    if (!client_)
        return;
    loop_.unwatch(client_.get());
    client_.reset();
    (void)start();
}

} // namespace msb::tls
