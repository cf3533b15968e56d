// Finds placeholders in what a guest sends, also where they are written in another way: percent-encoded,
// twice so, or with escapes of JSON. However the bytes are split into pieces.
#pragma once

#include "tls/content/scanner.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace msb::tls {

enum class Form { raw, percent, json, basic };
/// "raw", "percent_decoded", "json_unescaped", "basic_auth_decoded".
std::string_view to_string(Form form);

/// Undoes %XX; what is no escape stays as it is.
class PercentDecoder {
  public:
    static constexpr char mark = '%';
    void feed(std::string_view data, std::string& out);
    void finish(std::string& out) { out += std::exchange(pending_, {}); }
    bool idle() const { return pending_.empty(); }

  private:
    std::string pending_; ///< "%", "%2"
};

/// Undoes \uXXXX and the short escapes of JSON. What is beyond ASCII becomes "?", which no
/// placeholder that is looked for has in its place.
class JsonDecoder {
  public:
    static constexpr char mark = '\\';
    void feed(std::string_view data, std::string& out);
    void finish(std::string& out) { out += std::exchange(pending_, {}); }
    bool idle() const { return pending_.empty(); }

  private:
    std::string pending_; ///< "\", "\u", "\u00"
};

std::string percent_decoded(std::string_view text);

class Detector {
  public:
    using Found = std::function<void(std::uint32_t word, Form form)>;

    explicit Detector(const std::shared_ptr<const Words>& words)
        : words_(words), raw_(words), once_(words), twice_(words), json_(words) {}

    void feed(std::string_view data, const Found& found);
    void finish(const Found& found);

  private:
    template <typename Decoder>
    void feed_decoded(Decoder& decoder, Scanner& scanner, std::string_view data, bool marked,
                      Form form, const Found& found, std::string* decoded);

    std::shared_ptr<const Words> words_;
    Scanner raw_, once_, twice_, json_;
    PercentDecoder percent_, percent_again_;
    JsonDecoder unescape_;
};

} // namespace msb::tls
