#include "api/ssh_files.hpp"

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr auto lock_wait = 10s;
constexpr auto key_time = 10s;
constexpr mode_t own = 0600;
constexpr std::size_t largest_file = std::size_t{1} << 20;

/// What the program prints, private key first.
Result<std::string> run_key_maker(const std::string& program) {
    auto pipe = MSB_TRY(sys::pipe());
    Child child = MSB_TRY_WRAP(
        spawn({.argv = {program, "--new-key"}, .fds = {{1, pipe[1].get()}, {2, STDERR_FILENO}}}),
        "cannot make a key");
    pipe[1].reset();
    std::string text;
    Bytes part(4096);
    while (const std::size_t count = MSB_TRY(sys::read(pipe[0].get(), part)))
        text += as_text(BytesView(part).first(count));
    const auto status = MSB_TRY(child.wait(key_time));
    if (!status || *status != 0)
        return fail(ErrorKind::system, "cannot make a key: " + program + " failed");
    return text;
}

Result<std::string> read_if_there(const std::string& path) {
    auto text = read_regular_file(path, largest_file);
    if (!text && text.error().kind() == ErrorKind::not_found)
        return std::string();
    return text;
}

} // namespace

Result<SshFiles> SshFiles::open(const Home& home, const Installation& installation) {
    SshFiles files(home.root() + "/ssh", installation.program("sshd"));
    MSB_TRY(make_directories(files.directory_, 0700));
    return files;
}

Result<OwnedFd> SshFiles::lock() const {
    const std::string path = directory_ + "/lock";
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, own));
    MSB_TRY(sys::lock_exclusive(fd.get(), lock_wait, path));
    return fd;
}

Status SshFiles::make_key(const std::string& path) const {
    const OwnedFd held = MSB_TRY(lock());
    if (exists(path))
        return {};
    const std::string pair = MSB_TRY(run_key_maker(server_));
    constexpr std::string_view last_line = "-----END OPENSSH PRIVATE KEY-----\n";
    const std::size_t end = pair.find(last_line);
    if (end == std::string::npos)
        return fail(ErrorKind::corrupt, "cannot make a key: it is not as OpenSSH writes them");
    // The private key last: where it is, the other is, too.
    MSB_TRY(write_file_atomic(path + ".pub", pair.substr(end + last_line.size()), own));
    return write_file_atomic(path, pair.substr(0, end + last_line.size()), own);
}

Result<std::string> SshFiles::host_key() const {
    const std::string path = directory_ + "/host_ed25519";
    MSB_TRY(make_key(path));
    // Also when the key was made anew because somebody had removed the old one.
    const std::string line = "*.msb " + MSB_TRY(read_regular_file(path + ".pub", largest_file));
    if (MSB_TRY(read_if_there(known_hosts())) != line)
        MSB_TRY(write_file_atomic(known_hosts(), line, own));
    return read_regular_file(path, largest_file);
}

Status SshFiles::make_client_key() const {
    return make_key(client_key());
}

Result<std::vector<std::string>> SshFiles::authorized(std::size_t& unreadable) const {
    std::vector<std::string> lines;
    for (const std::string& path : {authorized_keys(), client_key() + ".pub"})
        for (const ssh::PublicKey& key :
             ssh::parse_authorized_keys(MSB_TRY(read_if_there(path)), unreadable))
            lines.push_back(key.to_string());
    if (lines.empty())
        return fail(Error(ErrorKind::permission_denied, "no key is authorized")
                        .with_hint("msb ssh authorize --file ~/.ssh/id_ed25519.pub, or let "
                                   "`msb ssh config --install` make one"));
    return lines;
}

Result<bool> SshFiles::authorize(const ssh::PublicKey& key) const {
    const OwnedFd held = MSB_TRY(lock());
    std::string text = MSB_TRY(read_if_there(authorized_keys()));
    std::size_t unreadable = 0;
    const auto present = ssh::parse_authorized_keys(text, unreadable);
    if (std::ranges::any_of(present, [&](const auto& other) { return other.blob == key.blob; }))
        return false;
    if (!text.empty() && !text.ends_with('\n'))
        text += '\n';
    text += key.to_string() + (key.comment.empty() ? "" : " " + key.comment) + "\n";
    MSB_TRY(write_file_atomic(authorized_keys(), text, own));
    return true;
}

Status SshFiles::write_config(std::string_view text) const {
    return write_file_atomic(config(), text, own);
}

} // namespace msb
