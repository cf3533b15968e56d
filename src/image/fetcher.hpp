// The confined HTTP client of one pull, seen from outside. The jail has the host's network,
// certificates and the resolver's configuration, and nothing else. Downloads go through pipes to
// workers without a network; nothing that the client sends is parsed here.
#pragma once

#include "base/fd.hpp"
#include "image/confined.hpp"
#include "image/layer_store.hpp"
#include "image/registry.hpp"

namespace msb::image {

class Fetcher : public LayerFeed {
  public:
    static Result<std::unique_ptr<Fetcher>> start(const PullRequest& request);
    ~Fetcher() override;

    /// `name` is a tag or a digest. Not verified.
    Result<std::string> manifest(const std::string& name);
    /// Not verified.
    Result<std::string> blob(const Digest& digest);

    Result<LayerInput> open(const PlannedLayer& layer) override;
    int fd() const override { return socket_.get(); }
    Status check() override;

  private:
    Fetcher(OwnedFd socket, ConfinedTask task)
        : socket_(std::move(socket)), task_(std::move(task)) {}
    Result<std::string> document(const Json& request);
    Error ended();
    Status send(const Json& request, int fd);

    OwnedFd socket_;
    ConfinedTask task_;
};

} // namespace msb::image
