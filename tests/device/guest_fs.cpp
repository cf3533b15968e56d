// What programs do with many files, on a virtio-fs share.
#include "guest_tasks.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <vector>

namespace msb::guest {

namespace {

constexpr unsigned per_directory = 100;

/// The way to file number `index` of a tree, two directories deep.
std::string path_of(const std::string& tree, unsigned index) {
    const unsigned directory = index / per_directory;
    return tree + "/" + std::to_string(directory / 10) + "/" + std::to_string(directory) + "/" +
           std::to_string(index);
}

bool make_directories(const std::string& tree, unsigned files) {
    if (::mkdir(tree.c_str(), 0755) == -1)
        return false;
    for (unsigned i = 0; i * per_directory < files; ++i) {
        const std::string top = tree + "/" + std::to_string(i / 10);
        if (i % 10 == 0 && ::mkdir(top.c_str(), 0755) == -1)
            return false;
        if (::mkdir((top + "/" + std::to_string(i)).c_str(), 0755) == -1)
            return false;
    }
    return true;
}

/// As git does it: each file that it knows, then what else is there.
bool look_at_all(const std::string& tree, unsigned files) {
    struct stat info{};
    for (unsigned i = 0; i < files; ++i)
        if (::lstat(path_of(tree, i).c_str(), &info) == -1)
            return false;
    std::vector<std::string> directories = {tree};
    unsigned seen = 0;
    while (!directories.empty()) {
        const std::string path = directories.back();
        directories.pop_back();
        DIR* const list = ::opendir(path.c_str());
        if (list == nullptr)
            return false;
        while (const dirent* const entry = ::readdir(list))
            if (entry->d_type == DT_REG)
                ++seen;
            else if (entry->d_name[0] != '.')
                directories.push_back(path + "/" + entry->d_name);
        ::closedir(list);
    }
    return seen == files;
}

bool unpack(const std::string& tree, unsigned files) {
    const std::string content(2000, 'x');
    if (!make_directories(tree, files))
        return false;
    for (unsigned i = 0; i < files; ++i) {
        const int fd = ::open(path_of(tree, i).c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
        const timespec times[2] = {{1, 0}, {1, 0}};
        if (fd == -1 || ::write(fd, content.data(), content.size()) == -1 ||
            ::futimens(fd, times) == -1 || ::fchmod(fd, 0644) == -1)
            return false;
        ::close(fd);
    }
    return true;
}

bool make_and_remove(const std::string& directory, unsigned files) {
    if (::mkdir(directory.c_str(), 0755) == -1)
        return false;
    for (unsigned i = 0; i < files; ++i) {
        const int fd = ::open((directory + "/" + std::to_string(i)).c_str(),
                              O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (fd == -1)
            return false;
        ::close(fd);
    }
    for (unsigned i = 0; i < files; ++i)
        if (::unlink((directory + "/" + std::to_string(i)).c_str()) == -1)
            return false;
    return true;
}

bool write_all(const std::string& path, std::uint64_t bytes) {
    const std::vector<char> chunk(1 << 20, 'd');
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (std::uint64_t done = 0; done < bytes; done += chunk.size())
        if (::write(fd, chunk.data(), chunk.size()) != static_cast<ssize_t>(chunk.size()))
            return false;
    return ::close(fd) == 0;
}

bool read_all(const std::string& path, std::uint64_t bytes) {
    std::vector<char> chunk(1 << 20);
    const int fd = ::open(path.c_str(), O_RDONLY);
    std::uint64_t done = 0;
    for (ssize_t count; (count = ::read(fd, chunk.data(), chunk.size())) > 0;)
        done += static_cast<std::uint64_t>(count);
    ::close(fd);
    return done == bytes;
}

bool read_anywhere(const std::string& path, std::uint64_t bytes, unsigned times) {
    std::vector<char> chunk(4096);
    const int fd = ::open(path.c_str(), O_RDONLY);
    std::uint64_t state = 1;
    for (unsigned i = 0; i < times; ++i) {
        state = state * 6364136223846793005 + 1442695040888963407;
        const std::uint64_t block = (state >> 20) % (bytes / chunk.size());
        if (::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(block * chunk.size())) !=
            static_cast<ssize_t>(chunk.size()))
            return false;
    }
    return ::close(fd) == 0;
}

/// As the agent does it (agent/boot/mounts.cpp).
void read_ahead_like_a_sandbox() {
    struct stat info{};
    ::stat("/mnt", &info);
    const std::string setting = "/sys/class/bdi/" + std::to_string(major(info.st_dev)) + ":" +
                                std::to_string(minor(info.st_dev)) + "/read_ahead_kb";
    const int fd = ::open(setting.c_str(), O_WRONLY);
    (void)!::write(fd, "512", 3);
    ::close(fd);
}

} // namespace

void bench_fs(const Words& words) {
    const auto files = static_cast<unsigned>(number(words, "files", 20'000));
    const auto known = static_cast<unsigned>(number(words, "known", 30'000));
    const std::uint64_t bytes = number(words, "bytes", std::uint64_t{1} << 30);
    constexpr unsigned reads = 20'000;
    if (::mount("share", "/mnt", "virtiofs", 0, nullptr) == -1)
        return fail("benchfs", std::strerror(errno));
    read_ahead_like_a_sandbox();
    const auto measure = [](const char* name, double amount, const std::function<bool()>& work) {
        const double begin = now_seconds();
        if (!work())
            return fail(name, std::strerror(errno));
        value(name, amount / (now_seconds() - begin));
    };
    const double mebibytes = static_cast<double>(bytes) / (1 << 20);
    measure("status_files/s", known, [&] { return look_at_all("/mnt/tree", known); });
    measure("untar_files/s", files, [&] { return unpack("/mnt/new", files); });
    measure("create_delete_files/s", files, [&] { return make_and_remove("/mnt/empty", files); });
    measure("write_MiB/s", mebibytes, [&] { return write_all("/mnt/large", bytes); });
    measure("read_MiB/s", mebibytes, [&] { return read_all("/mnt/large", bytes); });
    measure("random_4KiB/s", reads, [&] { return read_anywhere("/mnt/large", bytes, reads); });
}

} // namespace msb::guest
