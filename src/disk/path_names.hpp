// The names of a path, one after the other, where symbolic links put more in front. Who walks knows the file
// system; what all walks have in common is here, with its bounds.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace msb::disk {

/// Without empty ones and ".".
std::vector<std::string> names_of_path(std::string_view path);

class PathNames {
  public:
    explicit PathNames(std::string_view path);

    bool empty() const { return names_.empty(); }
    /// The next, which may be ".."; limit_exceeded after too many.
    Result<std::string> next();
    /// What a link leads to is next. True: it is from the root. An error (ELOOP) after too many.
    Result<bool> follow(std::string_view target);

  private:
    void put_in_front(std::string_view path);

    std::deque<std::string> names_;
    std::size_t steps_ = 0;
    int links_ = 0;
};

} // namespace msb::disk
