// Scripts of a sandbox: small text files that come with it and are on every command's PATH.
#pragma once

#include "base/result.hpp"

#include <map>
#include <string>
#include <string_view>

namespace msb {

using Scripts = std::map<std::string, std::string>; ///< name -> body

/// Limits on all scripts together, which are sent to the guest in one message with other data.
inline constexpr std::size_t max_scripts = 256;
inline constexpr std::size_t max_scripts_bytes = std::size_t{1} << 20;

/// A body typed on the command line: \n \t \r \\ \" \' are decoded and other escapes kept; a
/// `#!` line for `shell` goes in front, and a newline ends it.
std::string script_from_text(std::string_view text, std::string_view shell);

/// One path component that is not "." or ".."; text within the limits.
Status validate_scripts(const Scripts& scripts);

} // namespace msb
