// Files of the guest.
#include "ffi/abi.hpp"

#include <limits>

namespace msb::ffi {

namespace {

std::string_view to_string(wire::FsEntryKind kind) {
    switch (kind) {
    case wire::FsEntryKind::file: return "file";
    case wire::FsEntryKind::dir: return "dir";
    case wire::FsEntryKind::symlink: return "symlink";
    case wire::FsEntryKind::other: return "other";
    }
    return "other";
}

json::Value time_ms(const std::optional<std::int64_t>& seconds, std::uint32_t nanoseconds) {
    constexpr std::int64_t ms_per_s = 1000;
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / ms_per_s - 1;
    if (!seconds || *seconds > most || *seconds < -most)
        return nullptr;
    return *seconds * ms_per_s + nanoseconds / 1'000'000;
}

} // namespace

json::Value entry_json(const wire::FsEntry& entry) {
    return {{"path", entry.path},
            {"kind", to_string(entry.kind)},
            {"size", entry.size},
            {"mode", entry.mode},
            {"uid", entry.uid},
            {"gid", entry.gid},
            {"accessed_ms", time_ms(entry.atime, entry.atime_nsec.value_or(0))},
            {"modified_ms", time_ms(entry.mtime, entry.mtime_nsec.value_or(0))}};
}

namespace {

constexpr std::uint64_t most_mode = 07777;

std::uint32_t mode_of(Options& options, std::uint32_t otherwise) {
    return static_cast<std::uint32_t>(options.number("mode", most_mode).value_or(otherwise));
}

/// A call on the files of a sandbox: `body` reads its own options and then takes the file system.
template <typename Body>
char* call_files(std::uint64_t cancel, std::uint64_t sandbox, const char* options,
                 Body body) noexcept {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        Options given(options);
        const api::FileOptions files{given.text("user")};
        const auto open = [&]() -> Outcome<api::FileSystem> {
            MSB_TRY(given.done());
            return api::FileSystem(found->connections(), files);
        };
        return body(given, open, cancelling.get());
    });
}

/// A call on files without a result.
template <typename Make>
char* perform(std::uint64_t cancel, std::uint64_t sandbox, const char* options,
              Make make) noexcept {
    return call_files(
        cancel, sandbox, options,
        [&](Options& given, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
            wire::FsOp op = MSB_TRY(make(given));
            return MSB_TRY(open()).perform(std::move(op), cancelling);
        });
}

template <typename Body>
char* call_stream(std::uint64_t cancel, std::uint64_t stream, Body body) noexcept {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        const auto found = MSB_TRY(find<api::FileStream>(stream));
        return body(*found, cancelling.get());
    });
}

} // namespace

} // namespace msb::ffi

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_fs_read(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                          const char* options, std::uint8_t** data, std::size_t* size) {
    return call_files(
        cancel, sandbox, options,
        [&](Options& given, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
            const auto most = given.number("max_bytes", std::uint64_t{1} << 40);
            const std::string name = MSB_TRY(text_argument(path, "path"));
            auto files = MSB_TRY(open());
            give(data, size,
                 MSB_TRY(files.read(name, most.value_or(default_most_bytes), cancelling)));
            return {};
        });
}

MSB_API char* msb_fs_write(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                           const char* options, const std::uint8_t* data, std::size_t size) {
    return call_files(
        cancel, sandbox, options,
        [&](Options& given, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
            const std::uint32_t mode = mode_of(given, 0644);
            const std::string name = MSB_TRY(text_argument(path, "path"));
            return MSB_TRY(open()).write(name, argument_bytes(data, size), mode, cancelling);
        });
}

MSB_API char* msb_fs_stat(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                          const char* options, char** result) {
    return call_files(
        cancel, sandbox, options,
        [&](Options& given, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
            const bool follow = given.flag("follow", true);
            const std::string name = MSB_TRY(text_argument(path, "path"));
            give(result, entry_json(MSB_TRY(MSB_TRY(open()).stat(name, follow, cancelling))));
            return {};
        });
}

MSB_API char* msb_fs_list(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                          const char* options, char** result) {
    return call_files(cancel, sandbox, options,
                      [&](Options&, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
                          const std::string name = MSB_TRY(text_argument(path, "path"));
                          json::Value list = json::array();
                          for (const wire::FsEntry& entry :
                               MSB_TRY(MSB_TRY(open()).list(name, cancelling)))
                              list.push_back(entry_json(entry));
                          give(result, list);
                          return {};
                      });
}

MSB_API char* msb_fs_exists(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                            const char* options, char** result) {
    return call_files(cancel, sandbox, options,
                      [&](Options&, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
                          const std::string name = MSB_TRY(text_argument(path, "path"));
                          const auto entry = MSB_TRY(open()).stat(name, true, cancelling);
                          if (!entry && entry.error().kind != FailureKind::path_not_found &&
                              entry.error().kind != FailureKind::filesystem)
                              return api::fail(Failure(entry.error()));
                          give(result, {{"exists", entry.has_value()}});
                          return {};
                      });
}

MSB_API char* msb_fs_mkdir(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                           const char* options) {
    return perform(cancel, sandbox, options, [&](Options& given) -> Outcome<wire::FsOp> {
        const auto mode = given.number("mode", most_mode);
        wire::FsMkdir op{MSB_TRY(text_argument(path, "path")), {}};
        if (mode)
            op.mode = static_cast<std::uint32_t>(*mode);
        return op;
    });
}

MSB_API char* msb_fs_remove(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                            const char* options) {
    return perform(cancel, sandbox, options, [&](Options&) -> Outcome<wire::FsOp> {
        return wire::FsRemove{MSB_TRY(text_argument(path, "path"))};
    });
}

MSB_API char* msb_fs_remove_dir(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                                const char* options) {
    return perform(cancel, sandbox, options, [&](Options& given) -> Outcome<wire::FsOp> {
        return wire::FsRemoveDir{MSB_TRY(text_argument(path, "path")),
                                 given.flag("recursive", true)};
    });
}

MSB_API char* msb_fs_copy(std::uint64_t cancel, std::uint64_t sandbox, const char* from,
                          const char* to, const char* options) {
    return perform(cancel, sandbox, options, [&](Options&) -> Outcome<wire::FsOp> {
        return wire::FsCopy{MSB_TRY(text_argument(from, "from")), MSB_TRY(text_argument(to, "to"))};
    });
}

MSB_API char* msb_fs_rename(std::uint64_t cancel, std::uint64_t sandbox, const char* from,
                            const char* to, const char* options) {
    return perform(cancel, sandbox, options, [&](Options&) -> Outcome<wire::FsOp> {
        return wire::FsRename{MSB_TRY(text_argument(from, "from")),
                              MSB_TRY(text_argument(to, "to"))};
    });
}

MSB_API char* msb_fs_symlink(std::uint64_t cancel, std::uint64_t sandbox, const char* target,
                             const char* path, const char* options) {
    return perform(cancel, sandbox, options, [&](Options&) -> Outcome<wire::FsOp> {
        return wire::FsSymlink{MSB_TRY(text_argument(target, "target")),
                               MSB_TRY(text_argument(path, "path"))};
    });
}

MSB_API char* msb_fs_read_link(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                               const char* options, char** result) {
    return call_files(
        cancel, sandbox, options,
        [&](Options&, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
            wire::FsReadLink op{MSB_TRY(text_argument(path, "path"))};
            give(result, {{"target", MSB_TRY(MSB_TRY(open()).path_by(std::move(op), cancelling))}});
            return {};
        });
}

MSB_API char* msb_fs_real_path(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                               const char* options, char** result) {
    return call_files(
        cancel, sandbox, options,
        [&](Options&, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
            wire::FsRealPath op{MSB_TRY(text_argument(path, "path"))};
            give(result, {{"path", MSB_TRY(MSB_TRY(open()).path_by(std::move(op), cancelling))}});
            return {};
        });
}

MSB_API char* msb_fs_copy_from_host(std::uint64_t cancel, std::uint64_t sandbox, const char* host,
                                    const char* guest, const char* options) {
    return call_files(cancel, sandbox, options,
                      [&](Options&, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
                          const std::string from = MSB_TRY(text_argument(host, "host"));
                          const std::string to = MSB_TRY(text_argument(guest, "guest"));
                          return MSB_TRY(open()).copy_from_host(from, to, cancelling);
                      });
}

MSB_API char* msb_fs_copy_to_host(std::uint64_t cancel, std::uint64_t sandbox, const char* guest,
                                  const char* host, const char* options) {
    return call_files(cancel, sandbox, options,
                      [&](Options&, const auto& open, api::Cancel* cancelling) -> Outcome<void> {
                          const std::string from = MSB_TRY(text_argument(guest, "guest"));
                          const std::string to = MSB_TRY(text_argument(host, "host"));
                          return MSB_TRY(open()).copy_to_host(from, to, cancelling);
                      });
}

MSB_API char* msb_fs_read_stream(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                                 const char* options, std::uint64_t* stream) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        Options given(options);
        const api::FileOptions files{given.text("user")};
        MSB_TRY(given.done());
        if (stream == nullptr)
            return api::fail(FailureKind::invalid_argument, "stream is NULL");
        *stream = add_object(MSB_TRY(api::FileStream::open_read(
            found->connections(), MSB_TRY(text_argument(path, "path")), files, cancelling.get())));
        return {};
    });
}

MSB_API char* msb_fs_read_stream_recv(std::uint64_t cancel, std::uint64_t stream,
                                      std::uint8_t** data, std::size_t* size) {
    return call_stream(cancel, stream,
                       [&](api::FileStream& found, api::Cancel* cancelling) -> Outcome<void> {
                           const Bytes piece = MSB_TRY(found.read(cancelling));
                           if (data != nullptr)
                               *data = nullptr;
                           if (size != nullptr)
                               *size = 0;
                           if (!piece.empty())
                               give(data, size, piece);
                           return {};
                       });
}

MSB_API char* msb_fs_write_stream(std::uint64_t cancel, std::uint64_t sandbox, const char* path,
                                  const char* options, std::uint64_t* stream) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        Options given(options);
        const api::FileOptions files{given.text("user")};
        const std::uint32_t mode = mode_of(given, 0644);
        MSB_TRY(given.done());
        if (stream == nullptr)
            return api::fail(FailureKind::invalid_argument, "stream is NULL");
        *stream = add_object(MSB_TRY(
            api::FileStream::open_write(found->connections(), MSB_TRY(text_argument(path, "path")),
                                        mode, files, cancelling.get())));
        return {};
    });
}

MSB_API char* msb_fs_write_stream_write(std::uint64_t cancel, std::uint64_t stream,
                                        const std::uint8_t* data, std::size_t size) {
    return call_stream(cancel, stream, [&](api::FileStream& found, api::Cancel* cancelling) {
        return found.write(argument_bytes(data, size), cancelling);
    });
}

MSB_API char* msb_fs_write_stream_finish(std::uint64_t cancel, std::uint64_t stream) {
    return call_stream(cancel, stream, [](api::FileStream& found, api::Cancel* cancelling) {
        return found.finish(cancelling);
    });
}

MSB_API void msb_fs_stream_close(std::uint64_t stream) {
    const PipeSignalGuard guard;
    if (const auto found = take<api::FileStream>(stream))
        (*found)->close();
}
