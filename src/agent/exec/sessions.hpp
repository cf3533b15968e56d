// All sessions of the sandbox: their numbers, and where each of them is.
#pragma once

#include "agent/exec/children.hpp"
#include "agent/exec/kept_sessions.hpp"

#include <cstdint>
#include <vector>

namespace msb::agent {

class ClientSessions;

class Sessions {
  public:
    Sessions(Services& services, Children& children) : kept_(services, children) {}
    Sessions(const Sessions&) = delete;
    Sessions& operator=(const Sessions&) = delete;

    KeptSessions& kept() { return kept_; }
    /// The number for a new session: the one that the host announced, if it did.
    std::uint64_t take_number(std::uint64_t announced);
    bool contains(std::uint64_t number) const;
    /// By number; null if there is none that runs.
    Session* find(std::uint64_t number);
    std::vector<wire::SessionInfo> list() const;
    /// How many run.
    std::size_t live_count() const;
    /// Sends the signal to the process group of every session, and a hang-up to terminals.
    void stop_all(int signal);

  private:
    friend class ClientSessions; // enters itself below
    std::vector<ClientSessions*> clients_;
    KeptSessions kept_;
    std::uint64_t last_number_ = 0;
};

} // namespace msb::agent
