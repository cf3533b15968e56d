// Files in a sandbox, and between it and the directories of the host that are allowed.
#include "api/files.hpp"
#include "base/system.hpp"
#include "mcp/answers.hpp"
#include "mcp/workbench.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::mcp {

namespace {

constexpr std::uint64_t most_mode = 07777;
/// Of a file that is copied in one piece.
constexpr std::size_t most_copied = std::size_t{1} << 30;
constexpr std::size_t piece = std::size_t{1} << 20;

std::string_view kind_text(wire::FsEntryKind kind) {
    switch (kind) {
    case wire::FsEntryKind::file: return "file";
    case wire::FsEntryKind::dir: return "directory";
    case wire::FsEntryKind::symlink: return "symlink";
    case wire::FsEntryKind::other: break;
    }
    return "other";
}

json::Value entry_document(const wire::FsEntry& entry) {
    return {{"path", entry.path},     {"kind", kind_text(entry.kind)},
            {"size", entry.size},     {"mode", entry.mode},
            {"uid", entry.uid},       {"gid", entry.gid},
            {"modified", entry.mtime}};
}

/// The argument "sandbox" and the user to act as.
struct Place {
    std::string sandbox;
    api::FileOptions options;

    api::Outcome<api::FileSystem> open(Call& call) const {
        const auto found = MSB_TRY(sandbox_of(call, sandbox));
        return api::FileSystem(found->connections(), options);
    }
};

Place place_of(Call& call) {
    return {needed(call.arguments, "sandbox"), {call.arguments.text("user")}};
}

api::Outcome<Answer> fs_read(Call& call) {
    const Place place = place_of(call);
    const std::string path = needed(call.arguments, "path");
    const bool binary = call.arguments.flag("base64");
    MSB_TRY(call.arguments.done());
    auto files = MSB_TRY(place.open(call));
    const Bytes data = MSB_TRY(files.read(path, call.bench.limits().max_output, &call.cancel));
    std::string text(as_text(data));
    Answer answer{{{"path", path}, {"size", data.size()}}};
    answer.structured[binary ? "base64" : "text"] = binary ? to_base64(data) : text;
    answer.text = binary ? to_base64(data) : std::move(text);
    if (answer.text.empty())
        answer.text = "[empty file]";
    return answer;
}

api::Outcome<Answer> fs_write(Call& call) {
    const Place place = place_of(call);
    const std::string path = needed(call.arguments, "path");
    const auto text = call.arguments.optional_text("text");
    const auto base64 = call.arguments.optional_text("base64");
    const auto mode = call.arguments.number("mode", most_mode);
    Bytes data;
    if (text.has_value() == base64.has_value())
        call.arguments.complain("one of 'text' and 'base64' has to be there");
    else if (text)
        data.assign(text->begin(), text->end());
    else if (auto decoded = from_base64(*base64))
        data = std::move(*decoded);
    else
        call.arguments.complain("'base64' is not base64");
    MSB_TRY(call.arguments.done());
    auto files = MSB_TRY(place.open(call));
    MSB_TRY(files.write(path, data, static_cast<std::uint32_t>(mode.value_or(0644)), &call.cancel));
    return Answer{{{"path", path}, {"size", data.size()}}};
}

api::Outcome<Answer> fs_list(Call& call) {
    const Place place = place_of(call);
    const std::string path = needed(call.arguments, "path");
    MSB_TRY(call.arguments.done());
    constexpr std::size_t most_entries = 10'000;
    auto files = MSB_TRY(place.open(call));
    auto entries = MSB_TRY(files.list(path, &call.cancel));
    std::ranges::sort(entries, {}, &wire::FsEntry::path);
    json::Value list = json::array();
    for (std::size_t i = 0; i < std::min(entries.size(), most_entries); ++i)
        list.push_back(entry_document(entries[i]));
    return Answer{{{"entries", list}, {"truncated", entries.size() > most_entries}}};
}

api::Outcome<Answer> fs_stat(Call& call) {
    const Place place = place_of(call);
    const std::string path = needed(call.arguments, "path");
    const bool follow = call.arguments.flag("follow", true);
    MSB_TRY(call.arguments.done());
    auto files = MSB_TRY(place.open(call));
    return Answer{entry_document(MSB_TRY(files.stat(path, follow, &call.cancel)))};
}

/// An operation whose answer is only that it was done.
api::Outcome<Answer> perform(Call& call, const Place& place, wire::FsOp op) {
    MSB_TRY(call.arguments.done());
    MSB_TRY(MSB_TRY(place.open(call)).perform(std::move(op), &call.cancel));
    return Answer{{{"done", true}}};
}

api::Outcome<Answer> fs_mkdir(Call& call) {
    const Place place = place_of(call);
    wire::FsMkdir op;
    op.path = needed(call.arguments, "path");
    if (const auto mode = call.arguments.number("mode", most_mode))
        op.mode = static_cast<std::uint32_t>(*mode);
    return perform(call, place, std::move(op));
}

api::Outcome<Answer> fs_remove(Call& call) {
    const Place place = place_of(call);
    std::string path = needed(call.arguments, "path");
    if (call.arguments.flag("recursive"))
        return perform(call, place, wire::FsRemoveDir{std::move(path), true});
    return perform(call, place, wire::FsRemove{std::move(path)});
}

template <typename Op> api::Outcome<Answer> from_to(Call& call) {
    const Place place = place_of(call);
    std::string from = needed(call.arguments, "from");
    std::string to = needed(call.arguments, "to");
    return perform(call, place, Op{std::move(from), std::move(to)});
}

/// A path that host_path() has resolved: no link is followed on the way, whatever a guest has put there
/// since. Only ordinary files.
api::Outcome<OwnedFd> open_host(const std::string& path, int flags) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.mode = (flags & O_CREAT) != 0 ? 0644 : 0;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    OwnedFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how))));
    if (!fd)
        return api::fail(api::Failure(fail_errno("open", path).error()));
    struct stat about{};
    if (::fstat(fd.get(), &about) == -1 || !S_ISREG(about.st_mode))
        return api::fail(api::FailureKind::invalid_argument, "not an ordinary file: " + path);
    return fd;
}

api::Outcome<Answer> fs_upload(Call& call) {
    const Place place = place_of(call);
    const std::string host = needed(call.arguments, "host");
    const std::string path = needed(call.arguments, "path");
    MSB_TRY(call.arguments.done());
    const OwnedFd from = MSB_TRY(open_host(MSB_TRY(call.bench.host_path(host)), O_RDONLY));
    const auto sandbox = MSB_TRY(sandbox_of(call, place.sandbox));
    const auto to = MSB_TRY(api::FileStream::open_write(sandbox->connections(), path, 0644,
                                                        place.options, &call.cancel));
    Bytes buffer(piece);
    std::size_t size = 0;
    for (;;) {
        const std::size_t got = MSB_TRY(sys::read(from.get(), buffer));
        if (got == 0)
            break;
        size += got;
        if (size > most_copied)
            return api::fail(api::FailureKind::limit_exceeded,
                             "'" + host + "' is larger than 1 GiB");
        MSB_TRY(to->write(BytesView(buffer).first(got), &call.cancel));
    }
    MSB_TRY(to->finish(&call.cancel));
    return Answer{{{"path", path}, {"size", size}}};
}

api::Outcome<Answer> fs_download(Call& call) {
    const Place place = place_of(call);
    const std::string path = needed(call.arguments, "path");
    const std::string host = needed(call.arguments, "host");
    MSB_TRY(call.arguments.done());
    const std::string target = MSB_TRY(call.bench.host_path(host));
    const auto sandbox = MSB_TRY(sandbox_of(call, place.sandbox));
    const auto from = MSB_TRY(
        api::FileStream::open_read(sandbox->connections(), path, place.options, &call.cancel));
    const OwnedFd to = MSB_TRY(open_host(target, O_WRONLY | O_CREAT));
    if (::ftruncate(to.get(), 0) == -1)
        return api::fail(api::Failure(fail_errno("truncate", target).error()));
    std::size_t size = 0;
    for (;;) {
        const Bytes data = MSB_TRY(from->read(&call.cancel));
        if (data.empty())
            break;
        size += data.size();
        if (size > most_copied)
            return api::fail(api::FailureKind::limit_exceeded,
                             "'" + path + "' is larger than 1 GiB");
        MSB_TRY(sys::write_all(to.get(), data));
    }
    return Answer{{{"host", target}, {"size", size}}};
}

Schema as_user() {
    return of_sandbox().text("user", "USER[:GROUP] to act as; default: root.");
}

Schema at_path() {
    return as_user().text("path", "Absolute path in the sandbox.").required();
}

Schema two_paths() {
    return as_user()
        .text("from", "Absolute path in the sandbox.")
        .required()
        .text("to", "Absolute path in the sandbox.")
        .required();
}

} // namespace

std::vector<Tool> file_tools() {
    using Effect = Tool::Effect;
    return {
        {"fs_read", "Read a file", "Read a file of a sandbox, as text or as base64.", Effect::reads,
         at_path().flag("base64", "As base64, for what is not text."), fs_read},
        {"fs_write", "Write a file",
         "Make or replace a file of a sandbox. Its directory has to be there.", Effect::destroys,
         at_path()
             .text("text", "What it holds.")
             .text("base64", "In place of text: bytes.")
             .number("mode", "Permissions, as a decimal number; default: 420 (0644)."),
         fs_write},
        {"fs_list", "List a directory", "The entries of a directory of a sandbox.", Effect::reads,
         at_path(), fs_list},
        {"fs_stat", "About a file", "Kind, size, owner and mode of a file of a sandbox.",
         Effect::reads, at_path().flag("follow", "Of what a link leads to; default: true."),
         fs_stat},
        {"fs_mkdir", "Make a directory", "Make a directory in a sandbox, and those above it.",
         Effect::changes, at_path().number("mode", "Permissions, as a decimal number."), fs_mkdir},
        {"fs_remove", "Remove a file", "Remove a file of a sandbox, or a directory with all in it.",
         Effect::destroys, at_path().flag("recursive", "A directory, with all in it."), fs_remove},
        {"fs_copy", "Copy a file", "Copy a file within a sandbox.", Effect::destroys, two_paths(),
         from_to<wire::FsCopy>},
        {"fs_rename", "Rename a file", "Rename or move a file or directory within a sandbox.",
         Effect::destroys, two_paths(), from_to<wire::FsRename>},
        {"fs_upload", "Copy a file into a sandbox",
         "Copy a file of the host, from a directory that is allowed (--allow-dir), into a sandbox.",
         Effect::changes, at_path().text("host", "Absolute path on the host.").required(),
         fs_upload},
        {"fs_download", "Copy a file out of a sandbox",
         "Copy a file of a sandbox to the host, into a directory that is allowed (--allow-dir).",
         Effect::destroys, at_path().text("host", "Absolute path on the host.").required(),
         fs_download},
    };
}

} // namespace msb::mcp
