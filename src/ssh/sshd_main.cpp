// The program `sshd`: one SSH client of one sandbox, so that `msb` itself parses nothing of SSH.
// ssh/job.hpp says what it is given. `sshd --new-key` prints a private key, and its public key on
// the line after.
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "jail/jail.hpp"
#include "ssh/server.hpp"

#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace msb::ssh {

namespace {

/// A client may stay for as long as it likes; the server itself ends those that are idle.
constexpr auto no_deadline = std::chrono::hours(24 * 365);

Result<std::string> read_job() {
    const auto size = static_cast<std::size_t>(MSB_TRY(sys::fstat(job_fd)).st_size);
    Bytes text(size);
    MSB_TRY(sys::pread_all(job_fd, text, 0));
    return std::string(as_text(text));
}

Status serve_client(const Job& job) {
    const auto loop = MSB_TRY(EventLoop::create());
    const auto commands = MSB_TRY(AgentClient::adopt(*loop, OwnedFd(command_agent_fd)));
    const auto others = MSB_TRY(AgentClient::adopt(*loop, OwnedFd(other_agent_fd)));
    Server server(*loop, {*commands, *others}, job);
    const Status served = server.run(client_fd);
    if (!served && server.told())
        return fail(served.error().kind(), ""); // nothing more has to be said
    return served;
}

Status serve() {
    const Job job = MSB_TRY(Job::from_json(MSB_TRY(read_job())));
    ::close(job_fd);
    MSB_TRY(sys::set_nonblocking(client_fd));
    return jail::run_worker({client_fd, command_agent_fd, other_agent_fd},
                            [&] { return serve_client(job); }, no_deadline,
                            {.role = jail::Role::ssh});
}

Status print_new_key() {
    ssh_key key = nullptr;
    char* secret = nullptr;
    char* open = nullptr;
    const bool made =
        ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) == SSH_OK &&
        ssh_pki_export_privkey_base64(key, nullptr, nullptr, nullptr, &secret) == SSH_OK &&
        ssh_pki_export_pubkey_base64(key, &open) == SSH_OK;
    const std::string text =
        made ? std::string(secret) + "ssh-ed25519 " + open + " microsandbox\n" : "";
    ssh_string_free_char(secret);
    ssh_string_free_char(open);
    ssh_key_free(key);
    if (!made)
        return fail(ErrorKind::system, "a key could not be made");
    return sys::write_all(STDOUT_FILENO, as_bytes(text));
}

} // namespace

} // namespace msb::ssh

int main(int argc, char** argv) {
    using namespace msb;
    if (ssh_init() != SSH_OK)
        return 1;
    const bool new_key = argc == 2 && std::strcmp(argv[1], "--new-key") == 0;
    const Status done = new_key ? ssh::print_new_key() : ssh::serve();
    if (!done && !done.error().message().empty())
        (void)sys::write_all(STDERR_FILENO, as_bytes("msb: " + done.error().to_string() + "\n"));
    return done ? 0 : 1;
}
