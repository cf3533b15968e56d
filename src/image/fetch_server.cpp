#include "image/fetch_server.hpp"

#include "base/system.hpp"
#include "image/json.hpp"
#include "image/layer_transfer.hpp"

#include <array>
#include <cstring>
#include <list>
#include <poll.h>
#include <sys/socket.h>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

constexpr int max_wait_ms = 100;

struct Packet {
    Json request; ///< Null: the socket was closed.
    OwnedFd fd;
};

Result<Packet> receive(int socket) {
    std::array<char, 4096> text;
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0)
        return fail_errno("recvmsg");
    if (count == 0)
        return Packet();
    Packet packet;
    if (const cmsghdr* item = CMSG_FIRSTHDR(&message); item && item->cmsg_type == SCM_RIGHTS) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(item), sizeof(fd));
        packet.fd = OwnedFd(fd);
    }
    packet.request =
        MSB_TRY(parse_json_object({text.data(), static_cast<std::size_t>(count)}, "fetch request"));
    return packet;
}

class Server {
  public:
    Server(const PullRequest& request, int socket)
        : client_(request), socket_(socket), multi_(curl_multi_init()) {}
    ~Server() {
        layers_.clear();
        curl_multi_cleanup(multi_);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    Status run() {
        for (;;) {
            if (MSB_TRY(sys::wait_for(socket_, POLLIN, 0ms))) {
                Packet packet = MSB_TRY(receive(socket_));
                if (packet.request.is_null())
                    return {};
                MSB_TRY(take(std::move(packet)));
            }
            for (LayerTransfer& layer : layers_)
                if (layer.waits_to_connect())
                    MSB_TRY(layer.connect(multi_, client_));
            int active = 0;
            curl_multi_perform(multi_, &active);
            MSB_TRY(take_finished());
            wait();
            layers_.remove_if([](const LayerTransfer& layer) { return layer.done(); });
        }
    }

  private:
    Status take(Packet packet) {
        if (!packet.fd)
            return fail(ErrorKind::invalid_argument, "fetch request without a descriptor");
        if (packet.request.contains("layer")) {
            const std::uint64_t size = json_unsigned(packet.request, "size");
            if (size == 0) // the end of the pipe is all there is to send
                return {};
            MSB_TRY(sys::set_nonblocking(packet.fd.get()));
            layers_.emplace_back(MSB_TRY(Digest::parse(json_string(packet.request, "layer"))), size,
                                 std::move(packet.fd));
            return {};
        }
        const std::string text =
            packet.request.contains("manifest")
                ? MSB_TRY(client_.manifest(json_string(packet.request, "manifest")))
                : MSB_TRY(client_.blob(json_string(packet.request, "blob")));
        MSB_TRY(sys::pwrite_all(packet.fd.get(), as_bytes(text), 0));
        return sys::write_all(socket_, as_bytes("."));
    }

    Status take_finished() {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE)
                continue;
            const CURLcode code = message->data.result;
            for (LayerTransfer& layer : layers_)
                if (layer.is(message->easy_handle)) {
                    MSB_TRY(layer.ended(code, client_));
                    break;
                }
        }
        return {};
    }

    void wait() {
        std::vector<curl_waitfd> fds{{.fd = socket_, .events = CURL_WAIT_POLLIN, .revents = 0}};
        for (const LayerTransfer& layer : layers_)
            if (layer.blocked_pipe() >= 0)
                fds.push_back(
                    {.fd = layer.blocked_pipe(), .events = CURL_WAIT_POLLOUT, .revents = 0});
        curl_multi_poll(multi_, fds.data(), static_cast<unsigned>(fds.size()), max_wait_ms,
                        nullptr);
        for (LayerTransfer& layer : layers_)
            if (layer.blocked_pipe() >= 0)
                layer.flush();
    }

    RegistryClient client_;
    int socket_;
    CURLM* multi_;
    std::list<LayerTransfer> layers_;
};

} // namespace

Status serve_fetches(const PullRequest& request, int socket) {
    Server server(request, socket);
    Status status = server.run();
    // Report the error before the pipes close: who sees a layer end early must find the reason.
    ::shutdown(socket, SHUT_RDWR);
    return status;
}

} // namespace msb::image
