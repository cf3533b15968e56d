// Handing process 1 over to an init system of the image: systemd, sysvinit, busybox, runit, ...
//
// The agent finishes setting the machine up, then forks: the parent, which is process 1, becomes
// the init; the child goes on as the agent.
#pragma once

#include "agent/core/limits.hpp"
#include "base/result.hpp"
#include "wire/bootstrap.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb::agent {

/// An init that can be executed, as far as one can tell beforehand.
struct Handoff {
    std::string path;
    std::vector<std::string> argv;
    std::vector<std::string> env; ///< "K=V"
    std::string directory = "/";
    std::vector<ResourceLimit> limits; ///< of the init and all that it starts
};

/// Finds and checks the init. not_found or permission_denied (with errno) say what is wrong with
/// which file.
Result<Handoff> prepare_handoff(const wire::HandoffInit& init,
                                const std::vector<wire::KeyValue>& environment,
                                std::vector<ResourceLimit> limits);

/// Program after the "#!" with which a script begins; empty if it is none.
std::string script_interpreter(std::string_view head);

/// Returns in the child, once the init runs and does not end at once. Error: the init could not be
/// executed; process 1 then does nothing any more.
Status hand_over(const Handoff& handoff);

/// How an init is asked to power the machine off. There is no common way.
enum class InitKind {
    systemd,  ///< SIGRTMIN+4
    busybox,  ///< SIGUSR2
    sysvinit, ///< a request for runlevel 0 in its FIFO
    openrc,   ///< openrc-init: a word in its FIFO
    runit,    ///< a marker file and SIGCONT
    s6,       ///< s6-svscan: SIGUSR1 if its scan directory has a script for that, else SIGTERM
    other,    ///< SIGTERM
};
/// By the program that process 1 is (target of /proc/1/exe) and its name (/proc/1/comm).
InitKind identify_init(std::string_view program, std::string_view name);
/// Of the running process 1.
InitKind running_init();
/// Does not wait. False: the init may not have heard it, because it is still starting up, and
/// should be asked again in a while. True: it has, and twice might be taken for impatience.
bool ask_to_power_off(InitKind kind);

/// By a process's /proc/PID/status and /proc/PID/syscall. Process 1 never gets a signal that it
/// neither catches nor blocks (to read it from a descriptor). In a wait for signals (sigwait) those
/// that are waited for are not shown as blocked; it is taken to be one of them.
bool hears_signal(std::string_view status, std::string_view call, int signal);

/// struct init_request of sysvinit's FIFO, asking for a runlevel.
std::string sysvinit_request(char runlevel);

} // namespace msb::agent
