// Sequences of operations on names, by the guests of several shares of one tree, against a model of
// what each guest remembers: a number stands for one file as long as the guest has not given back
// every lookup, nothing keeps an entry that no guest remembers, and no order of steps frees what
// another step still uses (AddressSanitizer sees that).
#include "base/system.hpp"
#include "base/testing/check.hpp"
#include "device/fs/passthrough.hpp"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fuzzer/FuzzedDataProvider.h>
#include <map>

using namespace msb;
using namespace msb::device;

namespace {

namespace stdfs = std::filesystem;

constexpr const char* names[] = {"a", "b", "c", "d"};

using msb::testing::check;

stdfs::path make_tree() {
    static const stdfs::path base = [] {
        std::string pattern = "/dev/shm/msb-names-fuzz-XXXXXX";
        check(::mkdtemp(pattern.data()) != nullptr);
        return stdfs::path(pattern);
    }();
    std::atexit([] { stdfs::remove_all(base); });
    stdfs::remove_all(base / "root");
    stdfs::create_directories(base / "root/a/b/c");
    stdfs::create_directories(base / "root/d");
    return base / "root";
}

/// One share with its guest.
class Guest {
  public:
    Guest(const stdfs::path& shared, std::size_t descriptors)
        : files_(*Passthrough::create(*sys::open(shared, O_PATH),
                                      {.inodes = 16, .descriptors = descriptors})) {}

    void step(FuzzedDataProvider& input, bool alone) {
        const std::string name = input.PickValueInArray(names);
        const std::string second = input.PickValueInArray(names);
        const std::uint64_t node = pick(input), other = pick(input);
        switch (input.ConsumeIntegralInRange(0, 9)) {
        case 0: enter(node, fuse::Lookup{name}); break;
        case 1: enter(node, fuse::MakeDirectory{0755, name}); break;
        case 2: enter(node, fuse::MakeNode{S_IFREG | 0644, 0, name}); break;
        case 3: enter(node, fuse::HardLink{other, name}); break;
        case 4: run(node, fuse::Unlink{name, input.ConsumeBool()}); break;
        case 5: run(node, fuse::Rename{other, 0, name, second}); break;
        case 6: run(node, fuse::Rename{other, RENAME_NOREPLACE, name, second}); break;
        case 7: run(node, fuse::Rename{other, RENAME_EXCHANGE, name, second}); break;
        case 8: forget(node, input.ConsumeIntegralInRange<std::uint64_t>(0, 3)); break;
        default: read(node); break;
        }
        check_all(alone);
    }
    /// Leaves nothing behind, in the order of the numbers or against it.
    void leave(bool backwards) {
        while (!known_.empty()) {
            const auto at = backwards ? std::prev(known_.end()) : known_.begin();
            forget(at->first, UINT64_MAX);
        }
        check(files_->inodes() == 1);
    }

  private:
    struct Known {
        std::uint64_t file = 0; ///< the host's number
        std::uint64_t lookups = 0;
    };

    int run(std::uint64_t node, const fuse::Operation& operation) {
        fuse_in_header header{};
        header.nodeid = node;
        reply_.body.clear();
        return files_->handle(header, operation, reply_);
    }
    template <typename T> T answer() {
        check(reply_.body.size() == sizeof(T));
        T value{};
        std::memcpy(&value, reply_.body.data(), sizeof(value));
        return value;
    }
    /// Mostly one that is remembered.
    std::uint64_t pick(FuzzedDataProvider& input) const {
        const auto index = input.ConsumeIntegralInRange<std::size_t>(0, known_.size() + 1);
        if (index == 0)
            return 1;
        return index > known_.size()
                   ? input.ConsumeIntegral<std::uint8_t>()
                   : std::next(known_.begin(), static_cast<long>(index) - 1)->first;
    }
    void enter(std::uint64_t node, const fuse::Operation& operation) {
        if (run(node, operation) != 0)
            return;
        const auto entry = answer<fuse_entry_out>();
        if (entry.nodeid == 1)
            return;
        Known& known = known_[entry.nodeid];
        check(known.lookups == 0 || known.file == entry.attr.ino);
        known = {entry.attr.ino, known.lookups + 1};
    }
    void forget(std::uint64_t node, std::uint64_t lookups) {
        run(node, fuse::Forget{lookups});
        const auto found = known_.find(node);
        if (found == known_.end())
            return;
        found->second.lookups -= std::min(found->second.lookups, lookups);
        if (found->second.lookups == 0)
            known_.erase(found);
    }
    void read(std::uint64_t node) {
        if (run(node, fuse::Open{O_RDONLY, false, true}) != 0)
            return;
        const std::uint64_t handle = answer<fuse_open_out>().fh;
        run(node, fuse::Release{handle, true});
    }
    /// What a guest has done itself is followed; what others did may make a number stale.
    void check_all(bool alone) {
        for (const auto& [node, known] : known_) {
            const int error = run(node, fuse::GetAttributes{});
            check(error == 0 || (error == ESTALE && !alone));
            if (error == 0)
                check(answer<fuse_attr_out>().attr.ino == known.file);
        }
        check(files_->inodes() <= 16);
    }

    std::unique_ptr<Passthrough> files_;
    FuseReply reply_;
    std::map<std::uint64_t, Known> known_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider input(data, size);
    const stdfs::path root = make_tree();
    const auto count = input.ConsumeIntegralInRange<std::size_t>(1, 3);
    std::vector<std::unique_ptr<Guest>> guests;
    for (std::size_t i = 0; i < count; ++i) // the last of three sees a part only
        guests.push_back(std::make_unique<Guest>(i == 2 ? root / "a" : root,
                                                 input.ConsumeIntegralInRange<std::size_t>(0, 3)));
    for (int i = 0; i < 64 && input.remaining_bytes() > 0; ++i)
        guests[input.ConsumeIntegralInRange<std::size_t>(0, count - 1)]->step(input, count == 1);
    for (const auto& guest : guests)
        guest->leave(input.ConsumeBool());
    return 0;
}
