// Runs one black-box test so that nothing it starts can get away: orphans are reparented to this
// process (PR_SET_CHILD_SUBREAPER), whatever session, group or namespace they moved to.
//
//   supervise COMMAND...
//       runs it; afterwards kills the processes that are left, and fails if there were any
//   supervise --list ROOT SHELL HELPER...
//       prints "PID NAME" of each descendant of ROOT but the test's SHELL, the system tools that it
//       runs right now, and its HELPERs
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

struct Process {
    pid_t pid;
    pid_t parent;
    std::string name;
};

/// Every process of this pid namespace. /proc/PID/stat is "PID (NAME) STATE PPID ..." and NAME may
/// hold anything, hence the search for the last parenthesis.
std::vector<Process> all_processes() {
    std::vector<Process> result;
    DIR* directory = opendir("/proc");
    if (!directory)
        return result;
    while (const dirent* entry = readdir(directory)) {
        const pid_t pid = std::atoi(entry->d_name);
        if (pid <= 0)
            continue;
        std::ifstream file("/proc/" + std::string(entry->d_name) + "/stat");
        std::string stat;
        std::getline(file, stat, '\0');
        const auto open = stat.find('(');
        const auto close = stat.rfind(')');
        if (open == std::string::npos || close == std::string::npos || close + 4 > stat.size())
            continue;
        result.push_back({pid, std::atoi(stat.c_str() + close + 4),
                          stat.substr(open + 1, close - open - 1) +
                              (stat[close + 2] == 'Z' ? " (zombie)" : "")});
    }
    closedir(directory);
    return result;
}

std::vector<Process> descendants(pid_t root) {
    std::multimap<pid_t, Process> children;
    for (auto& process : all_processes())
        children.emplace(process.parent, process);
    std::vector<Process> result;
    std::vector<pid_t> pending = {root};
    while (!pending.empty()) {
        const auto [begin, end] = children.equal_range(pending.back());
        pending.pop_back();
        for (auto child = begin; child != end; ++child) {
            pending.push_back(child->second.pid);
            result.push_back(child->second);
        }
    }
    return result;
}

/// A tool of the system, as the test's own pipelines are made of.
bool is_system_tool(pid_t pid) {
    char target[4096];
    const auto length =
        readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), target, sizeof target);
    const std::string_view path(target, length > 0 ? static_cast<std::size_t>(length) : 0);
    return path.empty() || path.starts_with("/usr/bin/") || path.starts_with("/bin/");
}

int list(pid_t root, pid_t shell, const std::vector<pid_t>& helpers) {
    std::vector<pid_t> own = {shell, getpid()};
    for (const auto& process : descendants(shell)) {
        if (is_system_tool(process.pid))
            own.push_back(process.pid);
    }
    for (const auto& process : descendants(root)) {
        if (std::ranges::find(own, process.pid) == own.end() &&
            std::ranges::find(helpers, process.pid) == helpers.end())
            std::printf("%d %s\n", process.pid, process.name.c_str());
    }
    return 0;
}

void reap() {
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

/// Gives processes that are ending anyway `limit` to do so, then kills. Returns those that had to
/// be killed.
std::vector<Process> end_descendants(std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < deadline) {
        reap();
        if (descendants(getpid()).empty())
            return {};
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const auto left = descendants(getpid());
    for (int round = 0; round < 100; ++round) {
        const auto now = descendants(getpid());
        if (now.empty())
            break;
        for (const auto& process : now)
            kill(process.pid, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        reap();
    }
    return left;
}

void signal_all(int number) {
    for (const auto& process : descendants(getpid()))
        kill(process.pid, number);
}

volatile std::sig_atomic_t interrupted = 0;

/// Waits for the test's shell; a time-out or a signal to this process ends it. The shell runs its
/// clean-up on SIGTERM once its foreground command has ended, hence the signal to everything.
int wait_for(pid_t child, std::chrono::seconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    const auto grace = std::chrono::seconds(5);
    bool told = false;
    while (true) {
        int status = 0;
        for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
            if (ended == child)
                return status;
        }
        const auto now = std::chrono::steady_clock::now();
        if (!told && (interrupted != 0 || now >= deadline)) {
            std::printf("FAIL: %s\n", interrupted != 0 ? "interrupted" : "timed out");
            std::fflush(stdout);
            signal_all(SIGTERM);
            told = true;
        }
        if (now >= deadline + grace)
            kill(child, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

int run(char** argv, std::chrono::seconds limit) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setenv("MSB_TEST_SUPERVISOR", std::to_string(getpid()).c_str(), 1);
    const pid_t child = fork();
    if (child == 0) {
        execvp(argv[0], argv);
        std::fprintf(stderr, "supervise: %s: %s\n", argv[0], std::strerror(errno));
        _exit(127);
    }
    for (int number : {SIGTERM, SIGINT, SIGHUP})
        std::signal(number, [](int) { interrupted = 1; });
    const int status = wait_for(child, limit);
    const auto left = end_descendants(std::chrono::seconds(3));
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    for (const auto& process : left) {
        std::printf("FAIL: still running after the test: %d %s\n", process.pid,
                    process.name.c_str());
        code = code == 0 || code == 77 ? 1 : code;
    }
    return code;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(
            stderr,
            "usage: supervise [--timeout SECONDS] COMMAND... | --list ROOT SHELL [HELPER...]\n");
        return 2;
    }
    if (std::strcmp(argv[1], "--list") == 0 && argc >= 4) {
        std::vector<pid_t> helpers;
        for (int i = 4; i < argc; ++i)
            helpers.push_back(std::atoi(argv[i]));
        return list(std::atoi(argv[2]), std::atoi(argv[3]), helpers);
    }
    if (std::strcmp(argv[1], "--timeout") == 0 && argc >= 4)
        return run(argv + 3, std::chrono::seconds(std::atoi(argv[2])));
    return run(argv + 1, std::chrono::hours(1));
}
