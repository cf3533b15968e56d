// Where things are below MSB_HOME/cache, and the locks that keep commands out of each other's way.
//
// Lock order: store (shared for pull and load, exclusive for deleting) before reference before
// blob. Every lock is a flock, so a killed process leaves none behind. Lock files and temporary
// files are deleted only under the exclusive store lock, when nobody can hold or write one.
#pragma once

#include "base/fd.hpp"
#include "image/digest.hpp"

#include <chrono>
#include <optional>

namespace msb::image {

class Layout {
  public:
    explicit Layout(const std::string& home) : root_(home + "/cache") {}

    const std::string& root() const { return root_; }
    std::string images() const { return root_ + "/images"; }
    std::string documents() const { return root_ + "/documents"; }
    std::string blobs() const { return root_ + "/blobs"; }
    std::string metas() const { return root_ + "/meta"; }
    std::string temporary() const { return root_ + "/tmp"; }
    std::string locks() const { return root_ + "/locks"; }

    /// `reference` is normalised.
    std::string record(const std::string& reference) const;
    /// A record without a reference: its tag was moved or removed while a sandbox used the image.
    std::string pinned_record(const Digest& manifest) const {
        return images() + "/pinned-" + manifest.hex() + ".json";
    }
    std::string document(const Digest& digest) const { return documents() + "/" + digest.hex(); }
    std::string blob_data(const Digest& diff_id) const {
        return blobs() + "/" + diff_id.hex() + ".data";
    }
    std::string blob_index(const Digest& diff_id) const {
        return blobs() + "/" + diff_id.hex() + ".index";
    }
    /// A name in temporary() that nothing else uses.
    std::string temporary_file(const std::string& name) const;
    std::string meta(const std::string& key) const { return metas() + "/" + key + ".erofs"; }

    Status create_directories() const;

    /// Shared: many pulls and loads at once. Waits for a running deletion (seconds at most).
    Result<OwnedFd> lock_store_shared() const;
    /// Exclusive, or nothing if anybody uses the store.
    Result<std::optional<OwnedFd>> try_lock_store() const;
    Result<OwnedFd> lock_reference(const std::string& reference) const;
    /// Nothing if another command is storing this layer. Never waited for: commands that wait for
    /// each other's layers could do so for ever.
    Result<std::optional<OwnedFd>> try_lock_blob(const Digest& diff_id) const;
    Result<OwnedFd> lock_meta(const std::string& key) const;

  private:
    Result<std::optional<OwnedFd>> try_lock(const std::string& path) const;
    Result<OwnedFd> lock(const std::string& name, std::chrono::milliseconds wait) const;
    std::string root_;
};

/// fsync of a directory: makes the renames in it durable.
Status sync_directory(const std::string& path);

} // namespace msb::image
