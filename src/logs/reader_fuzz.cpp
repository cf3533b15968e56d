// Log files of any content: read forwards and backwards they hold the same entries, and a reader
// that goes on from any entry's cursor finds what follows it. The first byte says how the bytes are
// dealt out to the files.
#include "base/file.hpp"
#include "logs/reader.hpp"

#include <cstdlib>

using namespace msb;

namespace {

struct Directory {
    Directory() {
        char pattern[] = "/tmp/msb-log-fuzz.XXXXXX";
        files.directory = ::mkdtemp(pattern);
        (void)make_directories(files.logs());
    }
    ~Directory() { (void)remove_tree(files.directory); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;

    SandboxFiles files;
};

void put(const std::string& path, BytesView data) {
    (void)write_file_atomic(path, as_text(data), 0600, false);
}

bool same(const LogEntry& a, const LogEntry& b) {
    return a.source == b.source && a.session == b.session && a.data == b.data;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    static const Directory directory;
    const SandboxFiles& files = directory.files;
    BytesView rest(data + 2, size - 2);
    const std::size_t cut = rest.size() * data[0] / 256;
    const std::size_t second_cut = cut + (rest.size() - cut) * data[1] / 256;
    put(files.exec_log() + ".1", rest.first(cut));
    put(files.exec_log(), rest.subspan(cut, second_cut - cut));
    put(files.kernel_log(), rest.subspan(second_cut));

    LogQuery commands;
    const auto forward = read_logs(files, commands);
    LogQuery tail = commands;
    tail.tail_entries = size;
    const auto backward = read_logs(files, tail);
    // Backwards, what is incomplete at the end is not seen; a file may also end without a newline.
    if (!forward || !backward || backward->size() < forward->size())
        __builtin_trap();
    for (std::size_t i = 0; i < forward->size() && i < 4; ++i) {
        LogQuery later = commands;
        later.after = LogCursor::parse((*forward)[i].cursor.to_string()).value();
        const auto found = read_logs(files, later);
        if (!found || found->size() != forward->size() - i - 1 ||
            (!found->empty() && !same(found->front(), (*forward)[i + 1])))
            __builtin_trap();
    }
    LogQuery everything;
    everything.sources.insert(LogSource::system);
    everything.tail_lines = data[0];
    if (!read_logs(files, everything))
        __builtin_trap();
    return 0;
}
