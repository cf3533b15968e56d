#include "image/store.hpp"

#include "base/closest.hpp"
#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/system.hpp"
#include "image/collect.hpp"
#include "image/directory_stamp.hpp"
#include "image/helper.hpp"
#include "image/layout.hpp"
#include "image/record.hpp"
#include "image/registry_config.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>

namespace msb::image {

namespace {

constexpr std::size_t max_document = std::size_t{16} << 20;

Result<std::string> helper_program(const std::string& configured) {
    if (!configured.empty())
        return configured;
    return libexec_program("image");
}

/// The reference of each image in the cache.
std::vector<std::string> cached_references(const Layout& layout) {
    std::vector<std::string> names;
    for (const std::string& file : list_directory(layout.images()))
        if (const auto record = read_record(layout.images() + "/" + file);
            record && !file.starts_with("pinned-"))
            names.push_back(record->image.reference);
    return names;
}

/// `advice` is the hint if no cached image has a similar name.
Error not_cached(const Layout& layout, const std::string& reference, const std::string& advice) {
    const auto meant = closest(reference, cached_references(layout));
    return Error(ErrorKind::not_found, "image '" + reference + "' is not cached")
        .with_hint(meant ? "did you mean '" + *meant + "'?" : advice);
}

Result<Record> stored_record(const Layout& layout, const std::string& reference) {
    auto record = read_record(layout.record(reference));
    // A record of another version is as good as none: pulling again replaces it.
    if (!record && (record.error().kind() == ErrorKind::not_found ||
                    record.error().kind() == ErrorKind::unsupported))
        return fail(not_cached(layout, reference, "get it with: msb pull " + reference));
    if (record)
        if (Status located = locate_disk(*record, layout); !located)
            record = fail(std::move(located).error());
    if (!record)
        return fail(std::move(record)
                        .error()
                        .wrap("image '" + reference + "' is damaged")
                        .with_hint("repair it with: msb pull --force " + reference));
    return record;
}

/// Finds an image that is cached under a tag by its digest, or by that of the index it was chosen
/// from.
std::optional<Record> find_by_digest(const Layout& layout, const Reference& wanted) {
    for (const std::string& file : list_directory(layout.images())) {
        if (file.starts_with("pinned-"))
            continue;
        auto record = read_record(layout.images() + "/" + file);
        if (!record ||
            (record->image.manifest_digest != wanted.digest() && record->index != wanted.digest()))
            continue;
        const auto name = Reference::parse(record->image.reference);
        if (name && name->repository() == wanted.repository() && locate_disk(*record, layout)) {
            record->image.reference = wanted.to_string();
            return std::move(*record);
        }
    }
    return std::nullopt;
}

std::string stamp(const struct stat& info) {
    return std::to_string(info.st_size) + "." + std::to_string(info.st_mtim.tv_sec) + "." +
           std::to_string(info.st_mtim.tv_nsec);
}

std::optional<Record> find_directory(const Layout& layout, const std::string& path,
                                     const std::string& stamp) {
    for (const std::string& file : list_directory(layout.images())) {
        if (stamp.empty() || !file.starts_with("pinned-"))
            continue;
        auto record = read_record(layout.images() + "/" + file);
        if (record && record->image.reference == path && record->source_stamp == stamp &&
            locate_disk(*record, layout))
            return std::move(*record);
    }
    return std::nullopt;
}

/// Removes the temporary files of a helper that did not finish.
template <typename T> Result<T> tidy(const Layout& layout, Result<T> result) {
    if (!result)
        clean_temporary(layout);
    return result;
}

} // namespace

Store::Store(std::string home, std::string helper)
    : home_(std::move(home)), helper_(std::move(helper)) {}

Result<Image> Store::get(const std::string& reference) const {
    const Layout layout(home_);
    const Reference parsed = MSB_TRY(Reference::parse(reference));
    auto record = stored_record(layout, parsed.to_string());
    if (!record && record.error().kind() == ErrorKind::not_found && !parsed.digest().empty())
        if (auto other = find_by_digest(layout, parsed))
            record = std::move(*other);
    return MSB_TRY(std::move(record)).image;
}

Result<Image> Store::get_for(const std::string& name, const Platform& platform) const {
    auto image = get(name);
    if (!image)
        return image;
    const Platform stored{image->os, image->architecture, image->variant};
    if (!fits(stored, platform))
        return fail(Error(ErrorKind::not_found, "image '" + name + "' is cached for " +
                                                    stored.to_string() + ", not " +
                                                    platform.to_string())
                        .with_hint("get it with: msb pull --platform " + platform.to_string() +
                                   " " + name));
    return image;
}

Result<Image> Store::get_version(const std::string& reference, const Digest& manifest) const {
    const Layout layout(home_);
    auto current = get(reference);
    if (current && current->manifest_digest == manifest)
        return current;
    auto kept = read_record(layout.pinned_record(manifest));
    if (!kept)
        return fail(ErrorKind::not_found, "image '" + reference + "' (" + manifest.to_string() +
                                              ") is not in the cache any more");
    MSB_TRY(locate_disk(*kept, layout));
    return std::move(kept->image);
}

Result<PullResult> Store::pull(const std::string& reference, const PullOptions& options,
                               Progress& progress) {
    const Reference parsed = MSB_TRY(Reference::parse(reference));
    const std::string name = parsed.to_string();
    const Platform platform = options.platform.value_or(Platform::host());
    if (options.policy != PullPolicy::always && !options.force) {
        auto cached = get_for(name, platform);
        if (cached)
            return PullResult{.image = std::move(*cached), .cached = true};
        if (options.policy == PullPolicy::never)
            return fail(std::move(cached).error());
    }
    const RegistryConfig config = MSB_TRY(read_registry_config(home_, parsed.domain()));
    const Json request{{"operation", "pull"},
                       {"home", home_},
                       {"reference", name},
                       {"force", options.force},
                       {"insecure", options.insecure || config.insecure},
                       {"ca_certs", options.ca_certs.empty() ? config.ca_certs : options.ca_certs},
                       {"platform", platform.to_string()}};
    const Json result = MSB_TRY(
        tidy(Layout(home_), run_helper(MSB_TRY(helper_program(helper_)), request, -1, progress)));
    return PullResult{.image = MSB_TRY(get(name)), .cached = json_bool(result, "cached")};
}

Result<LoadResult> Store::load(int fd, const std::vector<std::string>& tags, Progress& progress) {
    Json request{{"operation", "load"}, {"home", home_}, {"tags", json::array()}};
    for (const std::string& tag : tags)
        request["tags"].push_back(MSB_TRY(Reference::parse(tag)).to_string());
    const Json result = MSB_TRY(
        tidy(Layout(home_), run_helper(MSB_TRY(helper_program(helper_)), request, fd, progress)));
    LoadResult loaded;
    for (const std::string& name : json_strings(result, "references"))
        loaded.images.push_back(MSB_TRY(get(name)));
    for (const Json& failure : json_member(result, "failures").elements())
        loaded.failures.push_back(decode_error(failure));
    return loaded;
}

Result<Image> Store::ensure_embedded(const std::string& archive, const std::string& reference,
                                     Progress& progress) {
    const std::string name = MSB_TRY(Reference::parse(reference)).to_string();
    const struct stat info = MSB_TRY_WRAP(sys::stat(archive), "the embedded image is missing");
    if (auto record = stored_record(Layout(home_), name);
        record && record->source_stamp == stamp(info))
        return std::move(record->image);
    const OwnedFd fd = MSB_TRY(sys::open(archive, O_RDONLY));
    const Json request{{"operation", "load"},
                       {"home", home_},
                       {"tags", json::array({name})},
                       {"source_stamp", stamp(MSB_TRY(sys::fstat(fd.get())))}};
    MSB_TRY_WRAP(tidy(Layout(home_),
                      run_helper(MSB_TRY(helper_program(helper_)), request, fd.get(), progress)),
                 "cannot import the embedded image");
    return get(name);
}

Result<Image> Store::ensure_directory(const std::string& path, Progress& progress) {
    const Layout layout(home_);
    const std::string stamp = MSB_TRY(stamp_of_directory(path));
    if (auto known = find_directory(layout, path, stamp))
        return std::move(known->image);
    const Json request{
        {"operation", "directory"}, {"home", home_}, {"path", path}, {"stamp", stamp}};
    const Json result =
        MSB_TRY(tidy(layout, run_helper(MSB_TRY(helper_program(helper_)), request, -1, progress)));
    return get_version(path, MSB_TRY(Digest::parse(json_string(result, "manifest"))));
}

Result<std::vector<Image>> Store::list() const {
    const Layout layout(home_);
    std::vector<Image> images;
    for (const std::string& file : list_directory(layout.images())) {
        if (file.starts_with("pinned-"))
            continue;
        auto record = read_record(layout.images() + "/" + file);
        if (record && locate_disk(*record, layout))
            images.push_back(std::move(record->image));
    }
    std::ranges::sort(images, [](const Image& a, const Image& b) {
        return a.stored_ns != b.stored_ns ? a.stored_ns > b.stored_ns : a.reference < b.reference;
    });
    return images;
}

Result<std::string> Store::document(const Digest& digest) const {
    return read_file(Layout(home_).document(digest), max_document);
}

Status Store::remove(const std::string& reference, const InUse& in_use, bool force) {
    const Layout layout(home_);
    const std::string name = MSB_TRY(Reference::parse(reference)).to_string();
    const std::string path = layout.record(name);
    if (!exists(path))
        return fail(not_cached(layout, name, "see what is there with: msb image ls"));
    {
        const OwnedFd store = MSB_TRY(layout.lock_store_shared());
        const OwnedFd lock = MSB_TRY(layout.lock_reference(name));
        // A record that cannot be read is removed like any other.
        if (const auto record = read_record(path);
            record && in_use && in_use(record->image.manifest_digest)) {
            if (!force)
                return fail(ErrorKind::busy, "image '" + name + "' is in use");
            MSB_TRY(sys::rename(path, layout.pinned_record(record->image.manifest_digest)));
        } else {
            MSB_TRY(sys::unlink(path));
        }
    }
    MSB_TRY(collect(in_use));
    return {};
}

Result<std::uint64_t> Store::collect(const InUse& in_use) {
    return collect_garbage(Layout(home_), in_use);
}

} // namespace msb::image
