// For headers that only name a document.
#pragma once

namespace msb::json {
class Value;
}
