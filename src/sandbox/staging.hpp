// A directory that comes into being whole: it is filled under another name, ".<name>.staging" beside
// its place, and renamed when everything is in it and durable.
//
// Whoever fills one holds an flock on it, which the kernel releases at death. So what lies under
// such a name without a lock is rubbish: whoever wants the name clears it, and sweep() the others.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <string>

namespace msb {

class Staging {
  public:
    /// For `target`, an absolute path; the directory that it is to be in is made. busy if another
    /// process is making it.
    static Result<Staging> begin(const std::string& target);
    Staging(Staging&&) = default;
    Staging& operator=(Staging&&) = delete;
    /// Removes what was not published.
    ~Staging();

    const std::string& path() const { return path_; }
    /// Makes it durable and gives it its place. already_exists if that is taken, unless `replace`:
    /// then nobody sees a moment without either.
    Status publish(bool replace);

    /// Makes a directory disappear at once, and then removes it.
    static Status remove(const std::string& directory);
    /// Removes what dead processes left in `parent`.
    static void sweep(const std::string& parent);

  private:
    Staging(std::string target, std::string path, OwnedFd lock)
        : target_(std::move(target)), path_(std::move(path)), lock_(std::move(lock)) {}

    std::string target_;
    std::string path_;
    OwnedFd lock_; ///< of the directory; empty if published
};

} // namespace msb
