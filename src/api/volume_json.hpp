// A volume as commands and library show it.
#pragma once

#include "json/value.hpp"
#include "sandbox/volumes/volumes.hpp"

namespace msb {

json::Value volume_document(const Volume& volume);

} // namespace msb
