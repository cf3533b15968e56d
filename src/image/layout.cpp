#include "image/layout.hpp"

#include "base/file.hpp"
#include "base/lock_holder.hpp"
#include "base/sha256.hpp"
#include "base/system.hpp"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

// A pull that holds a blob makes progress or fails by its own time-outs; an hour only keeps a
// waiter from outliving a stopped one for ever.
constexpr auto object_wait = 1h;
constexpr auto store_wait = 60s;

} // namespace

std::string Layout::record(const std::string& reference) const {
    return images() + "/" + sha256_hex(reference) + ".json";
}

std::string Layout::temporary_file(const std::string& name) const {
    static std::atomic<unsigned> counter{0};
    return temporary() + "/" + name + "." + std::to_string(::getpid()) + "-" +
           std::to_string(counter++);
}

Status Layout::create_directories() const {
    for (const std::string& path : {images(), documents(), blobs(), metas(), temporary(), locks()})
        MSB_TRY_WRAP(make_directories(path, 0700), "cannot create the image cache");
    return {};
}

Result<OwnedFd> Layout::lock(const std::string& name, std::chrono::milliseconds wait) const {
    const std::string path = locks() + "/" + name;
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    const Status locked = sys::lock_exclusive(fd.get(), wait, path);
    if (!locked && locked.error().kind() == ErrorKind::busy)
        return fail(ErrorKind::busy, "'" + path + "' is locked by " + lock_holder(fd.get()));
    MSB_TRY(Status(locked));
    return fd;
}

Result<OwnedFd> Layout::lock_store_shared() const {
    const std::string path = root_ + "/store.lock";
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    const auto deadline = std::chrono::steady_clock::now() + store_wait;
    while (::flock(fd.get(), LOCK_SH | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail_errno("flock", path);
        if (std::chrono::steady_clock::now() > deadline)
            return fail(ErrorKind::busy, "the image cache is being cleaned by another command");
        std::this_thread::sleep_for(10ms);
    }
    return fd;
}

Result<std::optional<OwnedFd>> Layout::try_lock(const std::string& path) const {
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    if (auto locked = sys::lock_exclusive(fd.get(), 0ms, path); !locked) {
        if (locked.error().kind() == ErrorKind::busy)
            return std::nullopt;
        return fail(std::move(locked).error());
    }
    return fd;
}

Result<std::optional<OwnedFd>> Layout::try_lock_store() const {
    return try_lock(root_ + "/store.lock");
}
Result<std::optional<OwnedFd>> Layout::try_lock_blob(const Digest& diff_id) const {
    return try_lock(locks() + "/blob-" + diff_id.hex());
}
Result<OwnedFd> Layout::lock_reference(const std::string& reference) const {
    return lock("reference-" + sha256_hex(reference), object_wait);
}
Result<OwnedFd> Layout::lock_meta(const std::string& key) const {
    return lock("meta-" + key, object_wait);
}

Status sync_directory(const std::string& path) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    return sys::fsync(fd.get(), path);
}

} // namespace msb::image
