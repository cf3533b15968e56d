#include "ssh/session_channel.hpp"

#include "base/signal_name.hpp"
#include "ssh/exec_work.hpp"
#include "ssh/sftp_work.hpp"

#include <algorithm>
#include <cstring>

namespace msb::ssh {

namespace {

constexpr std::size_t max_variables = 64;
constexpr std::size_t max_variable = std::size_t{8} << 10;
constexpr std::size_t max_command = std::size_t{256} << 10;
constexpr std::size_t max_term = 128;

std::uint16_t screen_size(int value, std::uint16_t otherwise) {
    return value < 1 || value > 0xffff ? otherwise : static_cast<std::uint16_t>(value);
}

/// The variable replaces one of its name.
void set_variable(std::vector<std::string>& env, const std::string& variable) {
    const std::string key = variable.substr(0, variable.find('=') + 1);
    std::erase_if(env, [&](const std::string& other) { return other.starts_with(key); });
    env.push_back(variable);
}

/// libssh's answer to a request: 0 is success.
constexpr int answered(bool done) {
    return done ? 0 : -1;
}

} // namespace

SessionChannel::SessionChannel(Agents agents, const Job& job, std::string user, ssh_session session,
                               ssh_channel channel)
    : agents_(agents), job_(job), user_(std::move(user)), stream_(session, channel),
      callbacks_(callbacks(this)) {
    ssh_callbacks_init(&callbacks_);
    (void)ssh_set_channel_callbacks(channel, &callbacks_);
}

SessionChannel::~SessionChannel() {
    // libssh keeps the channel until the client has closed it, too.
    (void)ssh_remove_channel_callbacks(stream_.channel(), &callbacks_);
}

ssh_channel_callbacks_struct SessionChannel::callbacks(SessionChannel* self) {
    using Self = SessionChannel;
    ssh_channel_callbacks_struct table{};
    table.userdata = self;
    table.channel_signal_function = [](ssh_session, ssh_channel, const char* name, void* me) {
        static_cast<Self*>(me)->signal(name);
    };
    table.channel_pty_request_function = [](ssh_session, ssh_channel, const char* term, int width,
                                            int height, int, int, void* me) {
        return answered(static_cast<Self*>(me)->request_pty(term, width, height));
    };
    table.channel_pty_window_change_function = [](ssh_session, ssh_channel, int width, int height,
                                                  int, int, void* me) {
        return answered(static_cast<Self*>(me)->resize(width, height));
    };
    table.channel_shell_request_function = [](ssh_session, ssh_channel, void* me) {
        return answered(static_cast<Self*>(me)->start(nullptr));
    };
    table.channel_exec_request_function = [](ssh_session, ssh_channel, const char* command,
                                             void* me) {
        return answered(static_cast<Self*>(me)->start(command));
    };
    table.channel_env_request_function = [](ssh_session, ssh_channel, const char* name,
                                            const char* value, void* me) {
        return answered(static_cast<Self*>(me)->set_environment(name, value));
    };
    table.channel_subsystem_request_function = [](ssh_session, ssh_channel, const char* name,
                                                  void* me) {
        return answered(static_cast<Self*>(me)->start_subsystem(name));
    };
    return table;
}

bool SessionChannel::turn() {
    if (!work_)
        return !stream_.closed();
    return work_->turn();
}

bool SessionChannel::request_pty(const char* term, int width, int height) {
    if (work_ || std::strlen(term) > max_term)
        return false;
    tty_ = true;
    term_ = term;
    return resize(width, height);
}

bool SessionChannel::resize(int width, int height) {
    rows_ = screen_size(height, rows_);
    cols_ = screen_size(width, cols_);
    if (work_ && tty_)
        work_->resize(rows_, cols_);
    return true;
}

bool SessionChannel::set_environment(const char* name, const char* value) {
    const std::string_view key = name;
    if (work_ || env_.size() >= max_variables || key.empty() ||
        key.find('=') != std::string_view::npos || key.size() + std::strlen(value) > max_variable)
        return false;
    set_variable(env_, std::string(key) + "=" + value);
    return true;
}

bool SessionChannel::start(const char* command) {
    if (work_ || (command != nullptr && std::strlen(command) > max_command))
        return false;
    wire::ExecRequest request;
    request.cmd = job_.shell;
    if (command != nullptr)
        request.args = {"-c", command};
    request.env = job_.env;
    if (tty_)
        set_variable(request.env, "TERM=" + (term_.empty() ? "xterm" : term_));
    for (const std::string& variable : env_)
        set_variable(request.env, variable);
    request.cwd = job_.workdir;
    request.user = user_;
    request.tty = tty_;
    request.rows = rows_;
    request.cols = cols_;
    request.flow = true;
    work_ = std::make_unique<ExecWork>(agents_.commands, stream_, request);
    return true;
}

bool SessionChannel::start_subsystem(const char* name) {
    if (work_ || !job_.sftp || std::string_view(name) != "sftp")
        return false;
    work_ = std::make_unique<SftpWork>(agents_.others, stream_, sftp::Place{user_, job_.workdir});
    return true;
}

void SessionChannel::signal(const char* name) {
    const auto number = parse_signal(name);
    if (work_ && number)
        work_->signal(*number);
}

} // namespace msb::ssh
