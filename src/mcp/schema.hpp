// What a tool takes, as a JSON Schema for its client. The tool itself reads its arguments strictly
// (ffi/options.hpp); a test holds the two together.
#pragma once

#include "json/value.hpp"

#include <initializer_list>
#include <string_view>

namespace msb::mcp {

class Schema {
  public:
    // Each property is optional, unless required() follows.
    Schema& text(std::string_view name, std::string_view about);
    Schema& words(std::string_view name, std::initializer_list<std::string_view> words,
                  std::string_view about);
    Schema& flag(std::string_view name, std::string_view about);
    Schema& number(std::string_view name, std::string_view about);
    Schema& texts(std::string_view name, std::string_view about);
    Schema& map(std::string_view name, std::string_view about); ///< an object of text
    /// An array of objects that look like this.
    Schema& objects(std::string_view name, const Schema& item, std::string_view about);
    /// The last one has to be there.
    Schema& required();

    json::Value document() const;
    const json::Object& properties() const { return properties_.members(); }

  private:
    Schema& add(std::string_view name, json::Value property, std::string_view about);

    json::Value properties_ = json::object();
    json::Value required_ = json::array();
    std::string last_;
};

} // namespace msb::mcp
