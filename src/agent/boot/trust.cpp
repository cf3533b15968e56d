#include "agent/boot/trust.hpp"

#include "agent/boot/console.hpp"
#include "agent/boot/identity.hpp"
#include "agent/boot/made.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr std::string_view begin_mark = "# >>> microsandbox certificates >>>\n",
                           end_mark = "# <<< microsandbox certificates <<<\n";
constexpr std::size_t most_bundle = std::size_t{8} << 20;
constexpr const char* trust_directory = "/.msb/tls";

/// Of Debian and most others, Fedora, openSUSE, and of Alpine and the BSDs.
constexpr std::array bundles = {"/etc/ssl/certs/ca-certificates.crt",
                                "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                "/etc/ssl/cert.pem"};

/// What a bundle is made of when the distribution makes it anew.
struct Anchors {
    const char* parent; ///< who has this has such anchors
    const char* path;   ///< of their trust_directory, below the root
};
constexpr std::array anchors = {
    Anchors{"/usr/local/share", "usr/local/share/ca-certificates"},
    Anchors{"/etc/pki/ca-trust", "etc/pki/ca-trust/source/anchors"},
};

/// The variables of programs that do not look at the system's bundle: OpenSSL, requests, curl, git,
/// pip, AWS, gRPC, cargo. Node and Deno add a file to what they bring along.
constexpr std::array bundle_variables = {
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",    "GIT_SSL_CAINFO",
    "PIP_CERT",      "AWS_CA_BUNDLE",      "CARGO_HTTP_CAINFO", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
};
constexpr std::array authority_variables = {"NODE_EXTRA_CA_CERTS", "DENO_CERT"};

Status write_own(const char* name, std::string_view text) {
    const std::string path = std::string(trust_directory) + "/" + name;
    const OwnedFd file = MSB_TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    ::fchmod(file.get(), 0644); // whatever the umask
    return sys::write_all(file.get(), as_bytes(text));
}

/// Changes only what is behind the certificates that are there: a crash cannot lose those.
Status extend_bundle(const std::string& path, std::string_view certificates) {
    const OwnedFd file = MSB_TRY(sys::open(path, O_RDWR | O_NONBLOCK));
    const std::string before = MSB_TRY(read_file(path, most_bundle));
    const std::string after = without_own_block(before) + own_block(certificates);
    const auto differs = std::ranges::mismatch(before, after).in1 - before.begin();
    const auto at = static_cast<std::size_t>(differs);
    if (::ftruncate(file.get(), differs) == -1)
        return fail_errno("ftruncate", path);
    return sys::pwrite_all(file.get(), as_bytes(std::string_view(after).substr(at)), at);
}

/// Where programs find all certificates; empty: nowhere.
std::string install_bundle(int root, std::string_view certificates) {
    std::string first;
    for (const char* const path : bundles) {
        if (!exists(path))
            continue;
        if (first.empty())
            first = path;
        if (const Status done = extend_bundle(path, certificates); !done)
            complain(done.error().to_string());
    }
    if (!first.empty())
        return first;
    Status made = make_own_directories("/etc/ssl/certs");
    if (made)
        made = write_below(root, "etc/ssl/certs", "ca-certificates.crt", own_block(certificates));
    if (!made)
        complain(made.error().to_string());
    return made ? bundles.front() : "";
}

void install_anchors(int root, const char* name, std::string_view certificates) {
    for (const auto& [parent, path] : anchors) {
        if (!exists(parent))
            continue;
        Status done = make_own_directories("/" + std::string(path));
        if (done)
            done = write_below(root, path, name, certificates);
        if (!done)
            complain(done.error().to_string());
    }
}

void add_variable(std::vector<wire::KeyValue>& environment, const char* name,
                  const std::string& value) {
    if (std::ranges::find(environment, name, &wire::KeyValue::key) == environment.end())
        environment.push_back({name, value});
}

} // namespace

std::string without_own_block(std::string_view bundle) {
    std::string rest(bundle);
    for (std::size_t begin; (begin = rest.find(begin_mark)) != std::string::npos;) {
        const std::size_t end = rest.find(end_mark, begin);
        // A block whose end is missing was being written when the guest was cut off.
        rest.erase(begin,
                   end == std::string::npos ? std::string::npos : end + end_mark.size() - begin);
    }
    if (!rest.empty() && !rest.ends_with('\n'))
        rest += '\n';
    return rest;
}

std::string own_block(std::string_view certificates) {
    std::string block(begin_mark);
    block += certificates;
    if (!block.ends_with('\n'))
        block += '\n';
    return block += end_mark;
}

void install_trust(const wire::Bootstrap& bootstrap, std::vector<wire::KeyValue>& environment) {
    if (!bootstrap.authority && !bootstrap.host_authorities)
        return;
    const auto root = sys::open("/", O_PATH | O_DIRECTORY);
    if (!root || (::mkdir(trust_directory, 0755) == -1 && errno != EEXIST))
        return complain("the certificates cannot be installed");
    ::chmod(trust_directory, 0755);
    std::string all;
    const auto install = [&](const std::optional<std::string>& certificates, const char* own_name,
                             const char* anchor_name) {
        if (!certificates)
            return;
        all += *certificates;
        if (!all.ends_with('\n'))
            all += '\n';
        if (const Status done = write_own(own_name, *certificates); !done)
            complain(done.error().to_string());
        install_anchors(root->get(), anchor_name, *certificates);
    };
    install(bootstrap.authority, "ca.pem", "microsandbox-ca.crt");
    install(bootstrap.host_authorities, "host-cas.pem", "microsandbox-host-cas.crt");
    const std::string bundle = install_bundle(root->get(), all);
    if (!bootstrap.authority) // the system's programs look at the bundle anyway
        return;
    for (const char* const name : bundle_variables)
        if (!bundle.empty())
            add_variable(environment, name, bundle);
    for (const char* const name : authority_variables)
        add_variable(environment, name, std::string(trust_directory) + "/ca.pem");
}

} // namespace msb::agent
