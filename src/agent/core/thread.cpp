#include "agent/core/thread.hpp"

#include <csignal>
#include <pthread.h>

namespace msb::agent {

Status start_thread(void* (*main)(void*), void* argument, int open_signal) {
    constexpr std::size_t stack_size = std::size_t{256} << 10;
    // A thread inherits its maker's mask.
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    if (open_signal != 0)
        sigdelset(&blocked, open_signal);
    ::pthread_sigmask(SIG_SETMASK, &blocked, &before);
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack_size);
    ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    const int failed = ::pthread_create(&thread, &attributes, main, argument);
    ::pthread_attr_destroy(&attributes);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failed != 0)
        return fail(Error::from_errno(failed, "pthread_create"));
    return {};
}

} // namespace msb::agent
