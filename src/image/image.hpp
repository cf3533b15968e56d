// What the rest of the program knows of a stored image: plain values.
#pragma once

#include "image/digest.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace msb::image {

/// One file of the read-only root disk. The pieces, in order and without gaps, are the device.
struct DiskPiece {
    std::string path;         ///< Absolute.
    std::uint64_t length = 0; ///< Bytes, a multiple of 4096, never 0.
};

/// The part of the OCI image configuration that a sandbox takes defaults from.
struct ImageConfig {
    std::vector<std::string> env; ///< "KEY=value"
    std::vector<std::string> cmd;
    std::vector<std::string> entrypoint;
    std::string working_dir; ///< Empty means "/".
    std::string user;        ///< "name", "uid", "name:group", "uid:gid" or empty (root).
    std::string stop_signal;
    std::map<std::string, std::string> labels;
};

struct Layer {
    Digest diff_id;     ///< Of the uncompressed tar; names the stored blobs.
    Digest blob_digest; ///< Of the layer as it was transported.
    std::string media_type;
    std::uint64_t compressed_size = 0; ///< Bytes as transported.
    std::uint64_t data_size = 0;       ///< Bytes of stored file contents.
    std::uint64_t index_size = 0;      ///< Bytes of stored metadata.
};

struct Image {
    std::string reference; ///< Normalised.
    Digest manifest_digest;
    Digest config_digest;
    std::string os;           ///< "linux"
    std::string architecture; ///< "amd64"
    std::string variant;
    std::string created;          ///< As the image says, RFC 3339; may be empty.
    std::int64_t stored_ns = 0;   ///< When it was put into the cache, Unix nanoseconds.
    std::uint64_t size_bytes = 0; ///< Sum of the layers as transported.
    ImageConfig config;
    std::vector<Layer> layers;   ///< Bottom to top.
    std::vector<DiskPiece> disk; ///< Merged EROFS metadata, then the data of each layer.
};

} // namespace msb::image
