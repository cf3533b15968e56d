// What a channel of a client is used for. The server calls turn() after every event of the client
// or the agent.
#pragma once

#include <cstdint>
#include <string>

namespace msb::ssh {

class Channel {
  public:
    Channel() = default;
    virtual ~Channel() = default;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Moves what can be moved. False: it is over.
    virtual bool turn() = 0;
    /// Has more than it should hold that the client does not take.
    virtual bool full() const { return false; }
    /// Bytes that went either way.
    virtual std::uint64_t moved() const = 0;
    /// Shows the client's user why the connection ends. False: there is no place for that.
    virtual bool tell(const std::string&) { return false; }
};

/// What a session channel does, once the client has said it.
class Work {
  public:
    Work() = default;
    virtual ~Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    virtual bool turn() = 0; ///< as Channel's
    virtual bool full() const { return false; }
    virtual void signal(int) {}
    virtual void resize(std::uint16_t, std::uint16_t) {}
};

} // namespace msb::ssh
