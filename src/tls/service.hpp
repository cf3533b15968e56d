// All intercepted connections of a sandbox: taken from netd, and kept while they last.
#pragma once

#include "tls/connection.hpp"

#include <map>
#include <memory>

namespace msb::tls {

class Service {
  public:
    /// Of all connections in one direction, from the number on that would have more.
    static constexpr std::size_t buffer_budget = std::size_t{16} << 20;
    /// What all conversations keep, because it has to be seen or changed as a whole.
    static constexpr std::size_t most_held = std::size_t{96} << 20;
    static constexpr std::size_t most_buffered = std::size_t{256} << 10,
                                 least_buffered = std::size_t{32} << 10;

    static Result<std::unique_ptr<Service>>
    create(EventLoop& loop, Authority authority, Upstreams upstreams, std::size_t max_connections,
           std::function<void(char kind, const std::string& text)> tell);
    /// Open connections have them from their next requests on.
    const SecretSet& secrets() const { return *shared_.secrets; }
    void set_secrets(std::shared_ptr<const SecretSet> secrets);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    /// Takes what netd hands over from now on.
    Status serve(OwnedFd channel);
    /// The guest's socket and the upstream's. They are closed if there are too many.
    void take(net::Handover handover, OwnedFd guest, OwnedFd upstream);
    std::size_t count() const { return connections_.size(); }

  private:
    Service(EventLoop& loop, Authority authority, Upstreams upstreams, ContextPtr guest_context,
            std::size_t max_connections,
            std::function<void(char kind, const std::string& text)> tell);
    void receive();

    EventLoop& loop_;
    Authority authority_;
    Upstreams upstreams_;
    ContextPtr guest_context_;
    std::size_t max_connections_;
    Shared shared_;
    OwnedFd channel_;
    std::map<const Connection*, std::shared_ptr<Connection>> connections_;
};

} // namespace msb::tls
