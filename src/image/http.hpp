// libcurl with the project's rules: time-outs, bounded bodies, few redirects, none from HTTPS down
// to HTTP, credentials never sent to another host. Used in the jail of fetch_server.hpp only.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <ctime>
#include <curl/curl.h>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace msb::image {

struct HttpRequest {
    std::string url;
    std::vector<std::string> headers; ///< "Name: value"
    std::string bearer;               ///< Token, or empty.
    std::uint64_t range_start = 0;    ///< Asks for the rest from here.
};

/// One configured transfer. `on_body` gets the bytes of the final answer (not of redirects) and
/// returns how many it took, CURL_WRITEFUNC_PAUSE, or anything else to give up.
class HttpTransfer {
  public:
    using Body = std::function<std::size_t(std::string_view)>;

    static Result<std::unique_ptr<HttpTransfer>> create(const HttpRequest& request, Body on_body);
    ~HttpTransfer();
    HttpTransfer(const HttpTransfer&) = delete;
    HttpTransfer& operator=(const HttpTransfer&) = delete;

    CURL* handle() const { return handle_; }
    /// 0 before the answer's headers are there.
    long status() const;
    /// The last value of a header of the final answer; the name is in lower case. Empty if absent.
    const std::string& header(const std::string& name) const;
    /// How long the answer asks to wait; zero if it does not say, and never long.
    std::chrono::seconds retry_after() const;
    /// All values of WWW-Authenticate.
    const std::vector<std::string>& challenges() const { return challenges_; }
    /// Runs alone, to the end.
    Status perform();
    /// The error of a finished transfer in our terms.
    Status outcome(CURLcode code) const;

  private:
    HttpTransfer() = default;
    static std::size_t receive_body(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t receive_header(char* data, std::size_t size, std::size_t count, void* self);
    Status configure(const HttpRequest& request);

    CURL* handle_ = nullptr;
    curl_slist* headers_ = nullptr;
    Body on_body_;
    std::string url_;
    std::map<std::string, std::string> answer_headers_;
    std::vector<std::string> challenges_;
    char error_text_[CURL_ERROR_SIZE] = {};
};

/// What a Retry-After header means at the time `now`; see HttpTransfer::retry_after.
std::chrono::seconds parse_retry_after(const std::string& text, std::time_t now);

/// Whether the same request may succeed in a moment.
bool is_transient(long status);
bool is_transient(const Error& error);

/// "https://host:port" of a URL, for messages.
std::string url_origin(std::string_view url);

} // namespace msb::image
