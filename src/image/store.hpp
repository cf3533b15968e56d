// The image cache of one MSB_HOME: look up, pull, load, list, remove.
//
// This library is on the path of every `msb run`, so it holds no heavy dependency: looking an image
// up is one small file and a stat per disk piece. Everything that talks to a registry or reads
// bytes from outside runs in a helper program (libexec/microsandbox/image), which in turn gives the
// parsing to confined workers.
//
//   cache/images/<sha256 of reference>.json    one record per reference, written last
//   cache/documents/<sha256>                   manifests and configurations, byte for byte
//   cache/blobs/<diff_id>.{data,index}         layers
//   cache/meta/<key>.erofs                     merged metadata; key covers format and diff_ids
//   cache/tmp/, cache/locks/                   work in progress; flock'ed files
#pragma once

#include "image/image.hpp"
#include "image/platform.hpp"
#include "image/progress.hpp"
#include "image/reference.hpp"

#include <functional>
#include <optional>

namespace msb::image {

enum class PullPolicy {
    if_missing, ///< Use the cache if the reference is complete there.
    always,     ///< Ask the registry; layers that are stored already are kept.
    never,      ///< Cache only: not_found otherwise.
};

struct PullOptions {
    PullPolicy policy = PullPolicy::if_missing;
    bool force = false;    ///< Fetch and store everything again.
    bool insecure = false; ///< Plain HTTP; also if the user's configuration says so.
    std::string ca_certs;  ///< PEM bundle trusted in addition to the system's; empty for the one
                           ///< of the user's configuration, if any.
    std::optional<Platform> platform; ///< None: this machine's.
};

struct PullResult {
    Image image;
    bool cached = false; ///< Nothing had to be fetched.
};

struct LoadResult {
    std::vector<Image> images;   ///< One per reference.
    std::vector<Error> failures; ///< Of the archive's other images. All failed: an error instead.
};

/// Says whether a sandbox uses the image with this manifest digest.
using InUse = std::function<bool(const Digest& manifest)>;

class Store {
  public:
    /// `home` is MSB_HOME; nothing is created before it is needed. `helper` is the program of the
    /// second paragraph above; empty finds it relative to the running executable.
    explicit Store(std::string home, std::string helper = {});

    /// On the path of every run. `reference` need not be normalised; one with a digest also finds
    /// what is cached under a tag of the same repository. not_found if there is no record; corrupt
    /// if a piece of it is gone (pulling again repairs that).
    Result<Image> get(const std::string& reference) const;

    /// The image with this manifest: under `reference`, or kept from before that was moved to
    /// another image or removed by force. not_found if it is gone.
    Result<Image> get_version(const std::string& reference, const Digest& manifest) const;

    Result<PullResult> pull(const std::string& reference, const PullOptions& options,
                            Progress& progress);

    /// Reads a docker-archive or OCI-layout tar, compressed or not, from `fd` (a file or a pipe).
    /// `tags` are added to the first image.
    Result<LoadResult> load(int fd, const std::vector<std::string>& tags, Progress& progress);

    /// The image that comes with the program: loaded from `archive` under `reference` at first use
    /// and again when the archive has changed (size or time). Costs a stat when it is there.
    Result<Image> ensure_embedded(const std::string& archive, const std::string& reference,
                                  Progress& progress);

    /// A directory of the host, by its absolute path, as an image with one layer. It is packed again
    /// when anything in it has changed, which costs a look at every file; what was made of it before
    /// stays until nothing uses it and a collection comes. Found again by get_version() only.
    Result<Image> ensure_directory(const std::string& path, Progress& progress);

    /// Newest first. Records that cannot be read are left out.
    Result<std::vector<Image>> list() const;

    /// The manifest or configuration as it was received.
    Result<std::string> document(const Digest& digest) const;

    /// Removes a reference and every blob that nothing needs any more. `busy` if `in_use` and not
    /// forced; with `force`, what a sandbox uses stays on disk until a later collect().
    Status remove(const std::string& reference, const InUse& in_use, bool force);

    /// Deletes what neither a reference nor a sandbox needs. Does nothing if a pull or load is
    /// running. Returns the bytes freed.
    Result<std::uint64_t> collect(const InUse& in_use);

    const std::string& home() const { return home_; }

  private:
    Result<Image> get_for(const std::string& name, const Platform& platform) const;

    std::string home_;
    std::string helper_;
};

} // namespace msb::image
