// Whatever an archive says: the parser ends, nothing appears beside the directory it is unpacked
// in, no link that is to be confined leads out of it, and a failure leaves no temporary name.
#include "base/file.hpp"
#include "base/system.hpp"
#include "tar/extract.hpp"
#include "tar/links.hpp"

#include <csignal>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

using namespace msb;

namespace {

class ViewSource : public Source {
  public:
    explicit ViewSource(BytesView data) : data_(data) {}
    Result<std::size_t> read(MutableBytesView buffer) override {
        const std::size_t count = std::min(buffer.size(), data_.size());
        std::copy_n(data_.begin(), count, buffer.begin());
        data_ = data_.subspan(count);
        return count;
    }

  private:
    BytesView data_;
};

std::size_t count_names(const std::string& path, std::string_view prefix) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
    std::size_t count = 0;
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
        count += std::string_view(entry->d_name).starts_with(prefix) ? 1 : 0;
    return count;
}

/// Every link stays below the tree's top, judged where it ended up.
void check_links(const std::string& target, bool named) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    for (fs::recursive_directory_iterator at(target, ignored), end; at != end;
         at.increment(ignored)) {
        if (!at->is_symlink(ignored))
            continue;
        const auto depth = static_cast<std::size_t>(at.depth());
        const std::string link = fs::read_symlink(at->path(), ignored).string();
        if (link.starts_with('/') || !confine_link(link, depth - (named && depth > 0 ? 1 : 0), ""))
            __builtin_trap();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::string root = [] {
        // Files of absurd sizes are sparse, and written ones small.
        const rlimit limit{1 << 20, 1 << 20};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        ::signal(SIGXFSZ, SIG_IGN);
        std::string pattern = "/tmp/msb-extract-fuzz-XXXXXX";
        return std::string(::mkdtemp(pattern.data()));
    }();
    if (size == 0)
        return 0;
    const std::string target = root + "/in";
    if (!make_directories(target, 0700))
        return 0;
    {
        const auto directory = sys::open(target, O_RDONLY | O_DIRECTORY);
        ViewSource source({data + 1, size - 1});
        TreeProgress progress;
        ExtractOptions options;
        options.links = (data[0] & 1) != 0 ? LinkPolicy::confine : LinkPolicy::keep;
        options.overwrite = (data[0] & 2) == 0;
        if ((data[0] & 4) != 0)
            options.only = "t";
        (void)extract_tree(directory->get(), options, source, progress);
        if (options.links == LinkPolicy::confine)
            check_links(target, options.only.has_value());
    }
    if (count_names(root, "") != 3 || count_names(target, ".msb-copy-") != 0) // ".", "..", "in"
        __builtin_trap();
    (void)remove_tree(target);
    return 0;
}
