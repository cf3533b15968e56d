// What a session tells its owner.
#pragma once

#include "base/bytes.hpp"
#include "wire/messages.hpp"

#include <cstdint>
#include <sys/types.h>

namespace msb::agent {

/// Owns one Session: an id of a client, or an entry of the table of kept sessions.
class SessionOwner {
  public:
    /// False: output stays where it is until Session::resume_output() is called.
    virtual bool accepts_output() = 0;
    virtual void started(pid_t pid) = 0;
    virtual void output(bool error, BytesView data) = 0;
    virtual void input_failed(const wire::ExecStdinError& error) = 0;
    /// So many bytes of input may be sent again.
    virtual void grant_input(std::uint64_t bytes) = 0;
    /// Session::input_over_bound() has changed.
    virtual void input_bound_changed() = 0;
    // The end of a session; both calls delete it.
    virtual void failed(const wire::ExecFailed& failure) = 0;
    virtual void exited(const wire::ExecExited& exited) = 0;

  protected:
    ~SessionOwner() = default;
};

} // namespace msb::agent
