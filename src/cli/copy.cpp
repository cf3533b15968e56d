// msb cp
#include "base/file.hpp"
#include "base/system.hpp"
#include "cli/commands.hpp"
#include "cli/confined_child.hpp"
#include "cli/copy_target.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "cli/volume_copy.hpp"
#include "client/files.hpp"
#include "tar/extract.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <poll.h>
#include <unistd.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

struct CopyOptions {
    std::string source;
    std::string destination;
    std::string user;
    std::string links = "confine";
    bool archive = false;
    bool quiet = false;
};

/// A sandbox that one side of the copy names, active and connected.
struct Connection {
    std::unique_ptr<AgentClient> client;
    std::unique_ptr<Files> files;
};

class Copy {
  public:
    Copy(Context& context, Session& session, const CopyOptions& options)
        : context_(context), session_(session), options_(options) {}

    Status run();

  private:
    Status copy();
    Status with_volume();
    Result<bool> connect(Connection& connection, const CopyEndpoint& endpoint);
    Status into_sandbox(const CopyTarget& target);
    Status out_of_sandbox(const CopyTarget& target);
    Status between_sandboxes(const CopyTarget& target);
    Status to_stdout();
    Status from_stdin();
    Result<std::optional<std::string>> source_name();
    CopyView view(const CopyEndpoint& endpoint);
    Status tick(bool now = false);

    Context& context_;
    Session& session_;
    const CopyOptions& options_;
    CopyEndpoint from_;
    CopyEndpoint to_;
    std::unique_ptr<EventLoop> loop_;
    Connection from_connection_;
    Connection to_connection_;
    std::vector<Running> started_;
    TreeProgress progress_;
    std::chrono::steady_clock::time_point ticked_{};
};

/// Called while anything waits: shows progress, and ends the copy at a signal.
Status Copy::tick(bool now) {
    const auto time = std::chrono::steady_clock::now();
    if (!now && time - ticked_ < 40ms)
        return {};
    ticked_ = time;
    if (session_.poll_interrupt())
        return fail(ErrorKind::cancelled, "interrupted");
    std::string detail = format_bytes(progress_.bytes);
    if (progress_.entries > 0)
        detail = fmt::format("{} files, {}", progress_.entries, detail);
    session_.progress().detail(std::move(detail));
    return {};
}

/// False: the sandbox could not be started, which has been reported.
Result<bool> Copy::connect(Connection& connection, const CopyEndpoint& endpoint) {
    if (endpoint.sandbox.empty())
        return true;
    const auto view = MSB_TRY(session_.sandboxes().get(endpoint.sandbox));
    LaunchOptions launch = session_.launch_options();
    launch.attached = true;
    auto started = session_.start_if_stopped(view, launch);
    if (!started) {
        session_.report_failure(context_, started.error(), view.spec);
        return false;
    }
    if (*started)
        started_.push_back(std::move(**started));
    connection.client = MSB_TRY(session_.connect_agent(*loop_, endpoint.sandbox));
    connection.files =
        std::make_unique<Files>(*loop_, *connection.client, [this] { return tick(); });
    if (!options_.user.empty())
        connection.files->act_as(options_.user);
    return true;
}

CopyView Copy::view(const CopyEndpoint& endpoint) {
    if (endpoint.sandbox.empty())
        return local_view();
    CopyView view;
    Files& files = *(&endpoint == &from_ ? from_connection_ : to_connection_).files;
    view.is_directory = [&files](const std::string& path) -> Result<std::optional<bool>> {
        const auto entry = files.stat(path);
        if (entry)
            return entry->kind == wire::FsEntryKind::dir;
        if (entry.error().sys_errno() == ENOENT)
            return std::nullopt;
        return fail(entry.error());
    };
    view.real_path = [&files](const std::string& path) { return files.real_path(path); };
    view.make_directories = [&files](const std::string& path) {
        return files.make_directory(path);
    };
    return view;
}

/// What the source is called inside a directory; none if its contents are meant.
Result<std::optional<std::string>> Copy::source_name() {
    auto name = base_name(from_.path);
    if (name == "..")
        name = base_name(MSB_TRY(view(from_).real_path(from_.path)));
    return name;
}

Status Copy::into_sandbox(const CopyTarget& target) {
    wire::FsWriteTree request;
    request.path = target.directory;
    request.only = target.name;
    request.owners = options_.archive;
    const auto upload = to_connection_.files->write_tree(request);
    PackOptions pack;
    pack.name = target.name.value_or(".");
    pack.follow = !base_name(from_.path) || from_.path.ends_with('/') || from_.path.ends_with("..");
    Status copied = pack_tree(from_.path, pack, *upload, progress_);
    if (copied)
        copied = upload->finish();
    if (!copied)
        upload->abandon();
    return copied;
}

Status Copy::out_of_sandbox(const CopyTarget& target) {
    const OwnedFd directory = MSB_TRY(sys::open(target.directory, O_RDONLY | O_DIRECTORY));
    const auto download =
        from_connection_.files->read_tree({from_.path, target.name.value_or(".")});
    ExtractOptions extract;
    extract.only = target.name;
    extract.owners = options_.archive;
    extract.links = options_.links == "keep"   ? LinkPolicy::keep
                    : options_.links == "skip" ? LinkPolicy::skip
                                               : LinkPolicy::confine;
    extract.origin = from_.path;
    std::size_t skipped_links = 0;
    extract.skipped_links = &skipped_links;
    // The guest wrote what is read here, so a child reads it. The child alone uses the connection
    // meanwhile, and nobody uses it afterwards.
    const auto unpack = [&]() -> Status {
        MSB_TRY(extract_tree(directory.get(), extract, *download, progress_));
        session_.progress().clear();
        if (skipped_links > 0)
            print_warning(
                fmt::format("{} links that lead out of the tree were left out", skipped_links));
        return {};
    };
    return run_confined(directory.get(), unpack, [this]() -> Status {
        if (session_.poll_interrupt())
            return fail(ErrorKind::cancelled, "interrupted");
        return {};
    });
}

Status Copy::between_sandboxes(const CopyTarget& target) {
    if (from_.sandbox == to_.sandbox) {
        const std::string source = MSB_TRY(from_connection_.files->real_path(from_.path));
        const std::string inside = MSB_TRY(to_connection_.files->real_path(target.directory));
        if (is_inside(inside, source) && MSB_TRY(view(from_).is_directory(source)).value_or(false))
            return fail(ErrorKind::invalid_argument, "cannot copy '" + source + "' into itself");
        if (target.name && source == (inside == "/" ? "" : inside) + "/" + *target.name)
            return fail(ErrorKind::invalid_argument, "both are the same file: " + source);
    }
    const auto download = from_connection_.files->read_tree(
        {from_.path, target.name.value_or("."), options_.archive});
    wire::FsWriteTree request;
    request.path = target.directory;
    request.only = target.name;
    request.own_xattrs = options_.archive;
    request.owners = true; // users mean the same in both, as far as the images agree
    const auto upload = to_connection_.files->write_tree(request);
    const Status copied = [&]() -> Status {
        Bytes buffer(std::size_t{256} << 10);
        while (const std::size_t count = MSB_TRY(download->read(buffer))) {
            MSB_TRY(upload->write(BytesView(buffer).first(count)));
            MSB_TRY(progress_.step(count));
        }
        return upload->finish();
    }();
    if (!copied)
        upload->abandon();
    return copied;
}

Status Copy::to_stdout() {
    if (is_terminal(STDOUT_FILENO))
        return fail(Error(ErrorKind::invalid_argument, "an archive is not written to a terminal")
                        .with_hint("redirect it: msb cp " + from_.text + " - > copy.tar"));
    wire::FsReadTree request{from_.path, MSB_TRY(source_name()).value_or(".")};
    const auto download = from_connection_.files->read_tree(request);
    OutputPump out(*loop_, STDOUT_FILENO);
    const auto drain = [&](auto enough) -> Status {
        while (!enough() && !out.broken()) {
            MSB_TRY(loop_->run_once(40ms));
            MSB_TRY(tick());
        }
        if (out.broken())
            return fail(*out.error());
        return {};
    };
    Bytes buffer(std::size_t{256} << 10);
    while (const std::size_t count = MSB_TRY(download->read(buffer))) {
        out.write(BytesView(buffer).first(count));
        MSB_TRY(drain([&] { return !out.full(); }));
        MSB_TRY(progress_.step(count));
    }
    return drain([&] { return out.empty(); });
}

Status Copy::from_stdin() {
    if (!MSB_TRY(view(to_).is_directory(to_.path)).value_or(false))
        return fail(ErrorKind::invalid_argument,
                    "an archive is unpacked into an existing directory, which '" + to_.path +
                        "' is not");
    wire::FsWriteTree request;
    request.path = to_.path;
    request.owners = options_.archive;
    const auto upload = to_connection_.files->write_tree(request);
    const Status copied = [&]() -> Status {
        Bytes buffer(std::size_t{128} << 10);
        for (;;) {
            MSB_TRY(tick());
            if (!MSB_TRY(sys::wait_for(STDIN_FILENO, POLLIN, 40ms)))
                continue;
            const std::size_t count = MSB_TRY(sys::read(STDIN_FILENO, buffer));
            if (count == 0)
                return upload->finish();
            MSB_TRY(upload->write(BytesView(buffer).first(count)));
            MSB_TRY(progress_.step(count));
        }
    }();
    if (!copied)
        upload->abandon();
    return copied;
}

Status Copy::copy() {
    if (to_.archive)
        return to_stdout();
    if (from_.archive)
        return from_stdin();
    const auto target = MSB_TRY(resolve_target(view(to_), to_.path, MSB_TRY(source_name())));
    if (from_.sandbox.empty())
        return into_sandbox(target);
    return to_.sandbox.empty() ? out_of_sandbox(target) : between_sandboxes(target);
}

Status Copy::with_volume() {
    for (const CopyEndpoint* end : {&from_, &to_})
        if (!end->sandbox.empty() && !is_in_volume(session_, *end))
            return fail(
                Error(ErrorKind::unsupported, "files are not copied between a sandbox and a volume")
                    .with_hint("copy by way of a directory of the host, or mount the volume "
                               "in the sandbox"));
    if (!options_.user.empty())
        return invalid("--user is a user of a guest, and a volume has none");
    const auto begun = std::chrono::steady_clock::now();
    session_.progress().begin("Copying", from_.text + " → " + to_.text);
    const Status copied = copy_volume(session_, {from_, to_, options_.archive, options_.links});
    session_.progress().clear();
    if (const auto number = session_.interrupted()) {
        context_.exit_code = 128 + *number;
        return {};
    }
    MSB_TRY(Status(copied));
    if (!options_.quiet && !to_.archive)
        print_done("Copied", from_.text + " → " + to_.text,
                   std::chrono::steady_clock::now() - begun);
    return {};
}

Status Copy::run() {
    from_ = MSB_TRY(parse_endpoint(options_.source));
    to_ = MSB_TRY(parse_endpoint(options_.destination));
    if (from_.sandbox.empty() && to_.sandbox.empty())
        return fail(ErrorKind::invalid_argument,
                    "msb copy requires at least one sandbox endpoint (SANDBOX:/path)");
    if (is_in_volume(session_, from_) || is_in_volume(session_, to_))
        return with_volume();
    loop_ = MSB_TRY(EventLoop::create());
    const Status copied = [&]() -> Status {
        if (!MSB_TRY(connect(from_connection_, from_)) || !MSB_TRY(connect(to_connection_, to_)))
            return {};
        const auto begun = std::chrono::steady_clock::now();
        progress_.tick = [this] { return tick(); };
        session_.progress().begin("Copying", from_.text + " → " + to_.text);
        Status done = copy();
        session_.progress().clear();
        MSB_TRY(std::move(done));
        if (!options_.quiet && !to_.archive)
            print_done("Copied", from_.text + " → " + to_.text,
                       std::chrono::steady_clock::now() - begun);
        return {};
    }();
    // End the operations before their connection is closed.
    from_connection_.files.reset();
    to_connection_.files.reset();
    // Otherwise we would wait for a stream that we no longer read.
    from_connection_.client.reset();
    to_connection_.client.reset();
    for (const Running& running : started_)
        MSB_TRY(session_.end_temporary(running.name));
    if (const auto number = session_.interrupted()) {
        context_.exit_code = 128 + *number;
        return {};
    }
    return copied;
}

Status copy(Context& context, const CopyOptions& options) {
    Session session = MSB_TRY(Session::open(context, options.quiet));
    return Copy(context, session, options).run();
}

} // namespace

void add_copy(Command& parent, Context& context) {
    const auto build = [&context](Command& command) {
        auto options = std::make_shared<CopyOptions>();
        command.footer(
            "SRC and DST are local paths, SANDBOX:/absolute/path or VOLUME:/absolute/path; one of\n"
            "them is no local path. A name that both have is the sandbox's.\n"
            "An existing directory, or a DST that ends in /, takes the copy inside; otherwise DST "
            "is\n"
            "its new name. SRC/. means the contents of SRC. - is a tar archive on stdin or "
            "stdout.\n"
            "A stopped sandbox is started for the copy and stopped again.");
        command.option("source", &options->source, "What to copy")
            .names(ValueOf::file_or_guest_path)
            .required();
        command.option("destination", &options->destination, "Where to")
            .names(ValueOf::file_or_guest_path)
            .required();
        command.flag("-a,--archive", &options->archive,
                     "Keep owners, setuid bits and all extended attributes");
        command.option("-u,--user", &options->user,
                       "Act in the guest as name|uid[:group|gid], not as root");
        command
            .option("--links", &options->links,
                    "Links of a sandbox that lead out of the copied tree: confine (an error), "
                    "skip, keep")
            .one_of({"confine", "skip", "keep"});
        command.flag("-q,--quiet", &options->quiet, "No progress");
        command.action(
            [&context, options] { run_command(context, [&] { return copy(context, *options); }); });
    };
    parent.add("copy", "Copy files into, out of and between sandboxes", group_sandboxes, build)
        .alias("cp");
}

} // namespace msb::cli
