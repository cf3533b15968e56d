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

/// Finds and checks the init. Errors are not_found or permission_denied, with errno and the file's
/// name.
Result<Handoff> prepare_handoff(const wire::HandoffInit& init,
                                const std::vector<wire::KeyValue>& environment,
                                std::vector<ResourceLimit> limits);

/// The program that a script names after its "#!"; empty if `text` is no script.
std::string script_interpreter(std::string_view head);

/// Returns in the child, once the init runs and does not end at once. Error: the init could not be
/// executed; process 1 then only sleeps.
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
/// Recognises an init by process 1's program (target of /proc/1/exe) and name (/proc/1/comm).
InitKind identify_init(std::string_view program, std::string_view name);
/// Of the running process 1.
InitKind running_init();
/// Sends the request; does not wait. False: the init may have missed it because it is still
/// starting up; ask again later. True: it has the request; do not repeat it, some inits take that
/// for impatience.
bool ask_to_power_off(InitKind kind);

/// Whether a process would receive a signal, by its /proc/PID/status and /proc/PID/syscall. Process
/// 1 never gets a signal that it neither catches nor blocks (to read it from a descriptor). While a
/// process waits in sigwait the signals it waits for are not shown as blocked; the signal is then
/// taken to be one of them.
bool hears_signal(std::string_view status, std::string_view call, int signal);

/// struct init_request of sysvinit's FIFO, asking for a runlevel.
std::string sysvinit_request(char runlevel);

} // namespace msb::agent
