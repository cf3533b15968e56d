// /proc/cpuinfo as programs for this processor expect it. The guest's kernel runs as a process of
// the host and knows nothing about its processor. Its own /proc/cpuinfo has no flags and no "core
// id", and without these ps and vmstat of some distributions end with an error.
#pragma once

#include "base/fd.hpp"

#include <string>

namespace msb::agent {

/// The text for `count` processors, made from what the processor says about itself; empty where it
/// cannot be asked.
std::string describe_processors(int count);
/// Puts that text, a file of the directory /.msb, over the kernel's. Commands can do without it.
void show_processors(int own_directory);

} // namespace msb::agent
