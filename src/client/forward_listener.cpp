#include "client/forward_listener.hpp"

#include "base/address.hpp"
#include "base/system.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace msb {

namespace {

constexpr int backlog = 128;

Error listen_error(int reason, const std::string& where) {
    Error error = Error::from_errno(reason, "bind");
    switch (reason) {
    case EADDRINUSE:
        return Error(ErrorKind::busy, where + " is in use")
            .with_hint("choose another port, or 0 for any free one");
    case EACCES:
        return std::move(error)
            .wrap("cannot listen on " + where)
            .with_hint("ports below 1024 are reserved; choose a higher one");
    case EADDRNOTAVAIL:
        return std::move(error)
            .wrap("cannot listen on " + where)
            .with_hint("the address must be one of this machine: see `ip addr`");
    default: return std::move(error).wrap("cannot listen on " + where);
    }
}

} // namespace

Result<ForwardSocket> ForwardSocket::listen(const ForwardListen& where) {
    return where.path.empty() ? listen_tcp(where) : listen_unix(where);
}

Result<ForwardSocket> ForwardSocket::listen_tcp(ForwardListen where) {
    const auto number = IpAddress::parse(where.address);
    if (!number)
        return fail(listen_error(EINVAL, where.to_string()));
    SocketAddress address(Endpoint{*number, where.port});
    OwnedFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno("socket", where.to_string());
    const int on = 1;
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (::bind(fd.get(), address.get(), address.size) == -1 || ::listen(fd.get(), backlog) == -1)
        return fail(listen_error(errno, where.to_string()));
    address.size = sizeof(address.storage);
    if (::getsockname(fd.get(), address.get(), &address.size) == -1)
        return fail_errno("getsockname", where.to_string());
    where.port = address.endpoint().value_or(Endpoint{}).port;
    return ForwardSocket(std::move(fd), std::move(where));
}

Result<ForwardSocket> ForwardSocket::listen_unix(const ForwardListen& where) {
    struct stat info{};
    if (::lstat(where.path.c_str(), &info) == 0) {
        if (!S_ISSOCK(info.st_mode))
            return fail(Error(ErrorKind::already_exists,
                              "\"" + where.path + "\" exists and is not a socket")
                            .with_hint("choose another path, or remove it"));
        const auto probe = sys::unix_connect(where.path);
        if (probe || probe.error().sys_errno() != ECONNREFUSED)
            return fail(ErrorKind::busy, "somebody listens on \"" + where.path + "\" already");
    }
    OwnedFd fd = MSB_TRY_WRAP(sys::unix_listen(where.path, backlog),
                              "cannot listen on \"" + where.path + "\"");
    MSB_TRY(sys::set_nonblocking(fd.get()));
    ForwardSocket socket(std::move(fd), where);
    if (::lstat(where.path.c_str(), &info) == 0) {
        socket.device_ = info.st_dev;
        socket.inode_ = info.st_ino;
    }
    return socket;
}

ForwardSocket::~ForwardSocket() {
    struct stat info{};
    if (fd_ && inode_ != 0 && ::lstat(where_.path.c_str(), &info) == 0 && info.st_dev == device_ &&
        info.st_ino == inode_)
        ::unlink(where_.path.c_str());
}

OwnedFd ForwardSocket::accept(std::string& peer) const {
    SocketAddress address;
    OwnedFd fd(::accept4(fd_.get(), address.get(), &address.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd)
        return fd;
    if (where_.path.empty()) {
        peer = address.endpoint().value_or(Endpoint{}).to_string();
        const int on = 1;
        (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    } else {
        peer = where_.path;
    }
    return fd;
}

} // namespace msb
