#include "logs/rotating_file.hpp"

#include "base/system.hpp"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace msb {

namespace {

Result<OwnedFd> open_log(int directory_fd, const std::string& name) {
    return sys::open_at(directory_fd, name, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
}

} // namespace

Result<RotatingFile> RotatingFile::open(OwnedFd directory_fd, std::string name) {
    OwnedFd file = MSB_TRY(open_log(directory_fd.get(), name));
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(file.get())).st_size);
    Bytes last(1, '\n');
    if (size > 0)
        (void)sys::pread_all(file.get(), last, size - 1);
    RotatingFile log(std::move(directory_fd), std::move(name), std::move(file), size);
    log.cut_ = last[0] != '\n';
    return log;
}

void RotatingFile::append(BytesView data) {
    append_part(data, true);
}

void RotatingFile::append_part(BytesView data, bool line_start) {
    if (line_start && size_ > 0 && size_ + data.size() > rotate_bytes)
        rotate();
    if (std::exchange(cut_, false) && line_start) {
        static constexpr std::uint8_t newline = '\n';
        write(BytesView(&newline, 1));
    }
    write(data);
}

void RotatingFile::write(BytesView data) {
    const auto written = sys::write(file_.get(), data);
    size_ += written.value_or(0);
    cut_ = cut_ || written.value_or(0) < data.size();
}

void RotatingFile::rotate() {
    const int dir = directory_fd_.get();
    // Remove the oldest file before renaming the others: some file systems write a file to the disk
    // at once when it replaces another (ext4(5), auto_da_alloc), and in a flood that takes most of
    // the time. Pages of a removed file are never written.
    (void)::unlinkat(dir, (name_ + "." + std::to_string(kept_files)).c_str(), 0);
    for (int i = kept_files; i > 0; --i) {
        const std::string from = i == 1 ? name_ : name_ + "." + std::to_string(i - 1);
        (void)::renameat(dir, from.c_str(), dir, (name_ + "." + std::to_string(i)).c_str());
    }
    if (auto fresh = open_log(dir, name_)) {
        file_ = std::move(*fresh);
        size_ = 0;
        cut_ = false;
    }
}

} // namespace msb
