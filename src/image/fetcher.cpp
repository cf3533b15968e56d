#include "image/fetcher.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "image/fetch_server.hpp"
#include "json/text.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_certificates = std::size_t{8} << 20;
constexpr int pipe_bytes = 1 << 20;

/// The file of certificates that the system trusts: the usual variable, or what libcurl was built
/// with. Empty if there is none.
std::string system_certificates() {
    if (const char* path = std::getenv("SSL_CERT_FILE"); path && *path != '\0')
        return path;
    const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
    const bool known = info->age >= CURLVERSION_SEVENTH && info->cainfo;
    return known && exists(info->cainfo) ? info->cainfo : "";
}

Result<std::string> read_certificates(const std::string& path) {
    std::string text = MSB_TRY_WRAP(read_file(path, max_certificates), "cannot read certificates");
    if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
        return fail(ErrorKind::invalid_argument, "'" + path + "' holds no PEM certificate");
    return text + "\n";
}

Result<jail::Workplace> workplace(const PullRequest& request) {
    std::string certificates;
    for (const std::string& path : {system_certificates(), request.ca_certs})
        if (!path.empty())
            certificates += MSB_TRY(read_certificates(path));
    jail::Workplace result{.role = jail::Role::fetch,
                           .files = {{fetch_certificates, std::move(certificates)}}};
    for (const char* path : {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
                             "/etc/host.conf", "/etc/gai.conf"})
        if (auto text = read_file(path))
            result.files.emplace_back(path, std::move(*text));
    return result;
}

} // namespace

Result<std::unique_ptr<Fetcher>> Fetcher::start(const PullRequest& request) {
    // Initialise here and not in the jail, because the TLS library reads the system's
    // configuration.
    curl_global_init(CURL_GLOBAL_DEFAULT);
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_SEQPACKET));
    const int served = sockets[1].get();
    auto task = MSB_TRY(ConfinedTask::start(
        {served},
        [&]() -> Result<Json> {
            MSB_TRY(serve_fetches(request, served));
            return json::object();
        },
        MSB_TRY(workplace(request))));
    return std::unique_ptr<Fetcher>(new Fetcher(std::move(sockets[0]), std::move(task)));
}

Fetcher::~Fetcher() {
    socket_.reset();
    task_.stop();
}

Status Fetcher::send(const Json& request, int fd) {
    std::string text = json::to_text(request);
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(sizeof(fd));
    std::memcpy(CMSG_DATA(item), &fd, sizeof(fd));
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) == -1) {
        const Status reason = fail_errno("sendmsg");
        MSB_TRY(check());
        return reason;
    }
    return {};
}

Result<std::string> Fetcher::document(const Json& request) {
    const OwnedFd file = MSB_TRY(sys::memfd("msb-document"));
    MSB_TRY(send(request, file.get()));
    std::array<std::uint8_t, 1> byte;
    if (const auto answer = sys::read(socket_.get(), byte); !answer || *answer == 0)
        return fail(ended());
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(file.get())).st_size);
    if (size > max_document_size)
        return fail(ErrorKind::limit_exceeded, "the registry's answer is larger than 16 MiB");
    std::string text(static_cast<std::size_t>(size), '\0');
    MSB_TRY(
        sys::pread_all(file.get(), {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0));
    return text;
}

Result<std::string> Fetcher::manifest(const std::string& name) {
    return document(Json{{"manifest", name}});
}
Result<std::string> Fetcher::blob(const Digest& digest) {
    return document(Json{{"blob", digest.to_string()}});
}

Result<LayerInput> Fetcher::open(const PlannedLayer& layer) {
    auto pipe = MSB_TRY(sys::pipe());
    (void)::fcntl(pipe[1].get(), F_SETPIPE_SZ, pipe_bytes); // a hint
    MSB_TRY(
        send(Json{{"layer", layer.blob_digest.to_string()}, {"size", layer.size}}, pipe[1].get()));
    return LayerInput{.fd = std::move(pipe[0])};
}

/// Why the other end of the socket is closed.
Error Fetcher::ended() {
    task_.stop();
    const auto answer = task_.finish();
    return answer ? Error(ErrorKind::system, "the process that fetches the image ended")
                  : answer.error();
}

Status Fetcher::check() {
    // After the documents it sends nothing more, so a readable socket means its end.
    if (!MSB_TRY(sys::wait_for(socket_.get(), POLLIN, 0ms)))
        return {};
    return fail(ended());
}

} // namespace msb::image
