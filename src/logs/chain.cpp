#include "logs/chain.hpp"

#include "base/system.hpp"
#include "logs/line.hpp"
#include "logs/rotating_file.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace msb {

namespace {

constexpr std::size_t read_chunk = std::size_t{256} << 10;
/// A rotation takes microseconds; a directory that changes all the time is not one of ours.
constexpr int snapshot_attempts = 100;

std::string file_name(const std::string& path, int number) {
    return number == 0 ? path : path + "." + std::to_string(number);
}

bool is_absent(const Error& error) {
    return error.sys_errno() == ENOENT || error.sys_errno() == ENOTDIR;
}

/// Tells two files apart that had the same inode number one after the other, if the file system
/// records when each was made.
std::uint64_t identity(int fd, const struct stat& info) {
    struct statx more{};
    const bool known = ::statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &more) == 0 &&
                       (more.stx_mask & STATX_BTIME) != 0;
    const std::uint64_t born =
        known ? static_cast<std::uint64_t>(more.stx_btime.tv_sec) * 1'000'000'000 +
                    more.stx_btime.tv_nsec
              : 0;
    // Any mixing does: only equality counts. Never 0, which means "the oldest".
    return (info.st_ino * 0x9e3779b97f4a7c15ULL ^ born) | 1;
}

Result<std::optional<LogFileSet::File>> open_file(const std::string& path) {
    auto fd = sys::open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd) {
        if (is_absent(fd.error()))
            return std::nullopt;
        return fail(std::move(fd).error());
    }
    const struct stat info = MSB_TRY(sys::fstat(fd->get()));
    if (!S_ISREG(info.st_mode))
        return fail(ErrorKind::corrupt, "'" + path + "' is not a regular file");
    LogFileSet::File file;
    file.id = identity(fd->get(), info);
    file.size = static_cast<std::uint64_t>(info.st_size);
    file.modified_ns = info.st_mtim.tv_sec * std::int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
    file.fd = std::move(*fd);
    return file;
}

/// True if the names still lead to the files that are open: with `numbers` holding each one's.
bool unchanged(const std::string& path, const std::vector<LogFileSet::File>& files,
               const std::vector<int>& numbers) {
    std::size_t expected = 0;
    for (int number = 0; number <= RotatingFile::kept_files; ++number) {
        const auto now = sys::lstat(file_name(path, number));
        const bool was_there = expected < numbers.size() && numbers[expected] == number;
        if (now.has_value() != was_there)
            return false;
        if (!was_there)
            continue;
        const auto open = sys::fstat(files[expected].fd.get());
        if (!open || open->st_ino != now->st_ino || open->st_dev != now->st_dev)
            return false;
        ++expected;
    }
    return true;
}

Result<std::size_t> read_at(int fd, char* data, std::size_t size, std::uint64_t offset) {
    for (;;) {
        const ssize_t count = ::pread(fd, data, size, static_cast<off_t>(offset));
        if (count >= 0)
            return static_cast<std::size_t>(count);
        if (errno != EINTR)
            return fail_errno("pread", "log file");
    }
}

} // namespace

Result<LogFileSet> LogFileSet::open(const std::string& path) {
    for (int attempt = 0; attempt < snapshot_attempts; ++attempt) {
        LogFileSet set;
        std::vector<int> numbers;
        for (int number = 0; number <= RotatingFile::kept_files; ++number)
            if (auto file = MSB_TRY(open_file(file_name(path, number)))) {
                set.files_.push_back(std::move(*file));
                numbers.push_back(number);
            }
        if (unchanged(path, set.files_, numbers))
            return set;
    }
    return fail(ErrorKind::busy, "'" + path + "' is rotated faster than it can be looked at");
}

std::optional<std::size_t> LogFileSet::find(std::uint64_t id) const {
    const auto found = std::find_if(files_.begin(), files_.end(),
                                    [id](const File& file) { return file.id == id; });
    if (found == files_.end())
        return std::nullopt;
    return static_cast<std::size_t>(found - files_.begin());
}

// ---- forward ------------------------------------------------------------------------------------

Result<std::optional<LogLine>> LogForward::next() {
    for (;;) {
        LogLine line;
        if (take_line(line))
            return line;
        if (!fd_ && !MSB_TRY(next_file()))
            return std::nullopt;
        if (MSB_TRY(read_more()))
            continue;
        if (!MSB_TRY(next_file()))
            return std::nullopt;
    }
}

bool LogForward::take_line(LogLine& line) {
    for (;;) {
        const auto end = buffer_.find('\n', std::max(used_, scanned_));
        if (end == std::string::npos) {
            scanned_ = buffer_.size();
            if (buffer_.size() - used_ > max_log_line) {
                skipping_ = true;
                used_ = buffer_.size();
            }
            return false;
        }
        line.text = std::string_view(buffer_).substr(used_, end - used_);
        used_ = end + 1;
        line.end = position();
        if (!std::exchange(skipping_, false))
            return true;
    }
}

Result<bool> LogForward::read_more() {
    buffer_.erase(0, used_);
    begin_ += used_;
    scanned_ -= std::min(scanned_, used_);
    used_ = 0;
    const std::size_t kept = buffer_.size();
    buffer_.resize(kept + read_chunk);
    const auto count = read_at(fd_.get(), buffer_.data() + kept, read_chunk, begin_ + kept);
    buffer_.resize(kept + count.value_or(0));
    if (!count)
        return fail(count.error());
    if (*count > 0)
        return true;
    // Emptied in place (by a person): begin again.
    const struct stat info = MSB_TRY(sys::fstat(fd_.get()));
    if (static_cast<std::uint64_t>(info.st_size) >= begin_ + kept)
        return false;
    begin_ = 0;
    buffer_.clear();
    scanned_ = 0;
    skipping_ = false;
    return info.st_size > 0;
}

/// Goes to the file that follows the one that has been read to its end. False if there is none.
Result<bool> LogForward::next_file() {
    LogFileSet set = MSB_TRY(LogFileSet::open(path_));
    auto& files = set.files();
    if (files.empty())
        return false;
    const auto at = set.find(file_);
    if (file_ == 0) {
        enter(files.back());
        begin_ = 0;
        return true;
    }
    if (!at) { // what followed may be gone as well
        missed_ = true;
        enter(files.back());
        begin_ = 0;
        return true;
    }
    if (!fd_) { // the first look: the position we were given
        const std::uint64_t offset = begin_;
        enter(files[*at]);
        begin_ = std::min(offset, files[*at].size);
        return true;
    }
    if (*at == 0)
        return false;
    // The file was written to until it was renamed, perhaps after our last read.
    if (MSB_TRY(read_more()))
        return true;
    enter(files[*at - 1]);
    begin_ = 0;
    return true;
}

void LogForward::enter(LogFileSet::File& file) {
    file_ = file.id;
    fd_ = std::move(file.fd);
    buffer_.clear();
    used_ = scanned_ = 0;
    skipping_ = false;
}

// ---- backward -----------------------------------------------------------------------------------

Result<LogBackward> LogBackward::open(const std::string& path) {
    LogBackward reader(MSB_TRY(LogFileSet::open(path)));
    if (reader.set_.files().empty())
        return reader;
    reader.enter(0);
    // Skip a line that is being written at this moment, or that was cut.
    while (reader.buffer_.empty() || reader.buffer_.back() != '\n') {
        const auto end = reader.buffer_.rfind('\n');
        if (end != std::string::npos) {
            reader.buffer_.resize(end + 1);
            break;
        }
        reader.buffer_.clear();
        if (!MSB_TRY(reader.read_more()))
            break;
    }
    return reader;
}

void LogBackward::enter(std::size_t index) {
    index_ = index;
    begin_ = set_.files()[index].size;
    buffer_.clear();
}

/// Puts the block in front of the buffer. False at the beginning of the file.
Result<bool> LogBackward::read_more() {
    const std::size_t size = std::min<std::uint64_t>(begin_, read_chunk);
    if (size == 0)
        return false;
    std::string block(size, '\0');
    const std::size_t count =
        MSB_TRY(read_at(set_.files()[index_].fd.get(), block.data(), size, begin_ - size));
    if (count < size)
        return fail(ErrorKind::corrupt, "a log file became shorter while it was read");
    begin_ -= size;
    buffer_.insert(0, block);
    return true;
}

Result<std::optional<LogLine>> LogBackward::previous() {
    for (;;) {
        // The buffer ends with the newline of the line to return; the newline before begins it.
        const auto before =
            buffer_.size() < 2 ? std::string::npos : buffer_.rfind('\n', buffer_.size() - 2);
        if (before == std::string::npos && begin_ > 0) {
            if (buffer_.size() > max_log_line) { // not one of ours
                buffer_.assign(1, '\n');
                skipping_ = true;
            }
            MSB_TRY(read_more());
            continue;
        }
        if (buffer_.empty()) {
            if (index_ + 1 >= set_.files().size())
                return std::nullopt;
            enter(index_ + 1);
            continue;
        }
        LogLine line;
        line.end = position();
        const std::size_t start = before == std::string::npos ? 0 : before + 1;
        line_.assign(buffer_, start, buffer_.size() - start);
        buffer_.resize(start);
        if (line_.ends_with('\n'))
            line_.pop_back();
        line.text = line_;
        if (!std::exchange(skipping_, false))
            return line;
    }
}

LogPosition LogBackward::position() const {
    if (index_ >= set_.files().size())
        return {};
    return {set_.files()[index_].id, begin_ + buffer_.size()};
}

std::int64_t LogBackward::modified_ns() const {
    return index_ < set_.files().size() ? set_.files()[index_].modified_ns : 0;
}

} // namespace msb
