// The JSON file that makes a set of blobs an image. Written last, so that what it names exists.
#pragma once

#include "image/image.hpp"
#include "image/json.hpp"
#include "image/layout.hpp"

namespace msb::image {

constexpr int record_schema = 1;

struct Record {
    Image image;                 ///< `image.disk` is not stored: it follows from the rest.
    std::string meta_key;        ///< Names the merged metadata.
    std::uint64_t meta_size = 0; ///< Bytes.
    Digest index; ///< What the image was chosen from, by which it may be asked for too; or empty.
    /// Size and time of the archive that came with the program, or what a directory looked like
    /// (directory_stamp.hpp), or empty.
    std::string source_stamp;
};

/// `unsupported` if it was written by a version with another record_schema.
Result<Record> read_record(const std::string& path);
Status write_record(const std::string& path, const Record& record);

Json encode(const ImageConfig& config);
ImageConfig decode_config(const Json& json);

/// Fills `image.disk`. `corrupt` if a piece is missing or has another size.
Status locate_disk(Record& record, const Layout& layout);

} // namespace msb::image
