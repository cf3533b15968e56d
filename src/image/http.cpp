#include "image/http.hpp"

#include "image/fetch_server.hpp"

#include <algorithm>
#include <charconv>

namespace msb::image {

namespace {

constexpr long connect_timeout_s = 15;
/// Slower than this many bytes a second for this long is a dead connection.
constexpr long low_speed_bytes = 16;
constexpr long low_speed_s = 30;
constexpr long max_redirects = 5;
constexpr long receive_buffer = 512L << 10;
constexpr std::size_t max_headers = 256;
constexpr std::size_t max_header_value = 8192;
constexpr std::int64_t max_retry_after_s = 20;

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' '))
        text.remove_suffix(1);
    while (!text.empty() && text.front() == ' ')
        text.remove_prefix(1);
    return text;
}

ErrorKind kind_of(CURLcode code) {
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return ErrorKind::timed_out;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR: return ErrorKind::unreachable;
    default: return ErrorKind::protocol;
    }
}

} // namespace

std::string url_origin(std::string_view url) {
    const auto host = url.find("://");
    const auto slash = host == std::string_view::npos ? host : url.find('/', host + 3);
    return std::string(url.substr(0, slash));
}

std::size_t HttpTransfer::receive_body(char* data, std::size_t size, std::size_t count,
                                       void* self) {
    const auto* transfer = static_cast<HttpTransfer*>(self);
    return transfer->on_body_({data, size * count});
}

std::size_t HttpTransfer::receive_header(char* data, std::size_t size, std::size_t count,
                                         void* self) {
    auto& transfer = *static_cast<HttpTransfer*>(self);
    const std::string_view line = trim({data, size * count});
    if (line.starts_with("HTTP/")) {
        // A redirect or "100 Continue" before the final answer.
        transfer.answer_headers_.clear();
        transfer.challenges_.clear();
    } else if (const auto colon = line.find(':');
               colon != std::string_view::npos && transfer.answer_headers_.size() < max_headers) {
        const std::string name = lower(line.substr(0, colon));
        const std::string value(trim(line.substr(colon + 1)).substr(0, max_header_value));
        if (name == "www-authenticate" && transfer.challenges_.size() < max_headers)
            transfer.challenges_.push_back(value);
        transfer.answer_headers_[name] = value;
    }
    return size * count;
}

Result<std::unique_ptr<HttpTransfer>> HttpTransfer::create(const HttpRequest& request,
                                                           Body on_body) {
    std::unique_ptr<HttpTransfer> transfer(new HttpTransfer());
    transfer->handle_ = curl_easy_init();
    if (!transfer->handle_)
        return fail(ErrorKind::limit_exceeded, "no memory for a connection");
    transfer->on_body_ = std::move(on_body);
    transfer->url_ = request.url;
    MSB_TRY(transfer->configure(request));
    return transfer;
}

Status HttpTransfer::configure(const HttpRequest& request) {
    bool ok = true;
    const auto set = [&](CURLoption option, auto value) {
        ok = ok && curl_easy_setopt(handle_, option, value) == CURLE_OK;
    };
    for (const std::string& header : request.headers)
        headers_ = curl_slist_append(headers_, header.c_str());
    const char* protocols = request.url.starts_with("https:") ? "https" : "http,https";
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_HTTPHEADER, headers_);
    set(CURLOPT_PROTOCOLS_STR, protocols);
    set(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, max_redirects);
    set(CURLOPT_CONNECTTIMEOUT, connect_timeout_s);
    set(CURLOPT_LOW_SPEED_LIMIT, low_speed_bytes);
    set(CURLOPT_LOW_SPEED_TIME, low_speed_s);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_BUFFERSIZE, receive_buffer);
    // One connection a layer: HTTP/2 would put them all on one, and pausing one of them (when its
    // worker is slower) makes the library buffer for it without a useful bound.
    set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set(CURLOPT_USERAGENT, "microsandbox/" MSB_VERSION);
    set(CURLOPT_CAINFO, fetch_certificates);
    set(CURLOPT_PROXY_CAINFO, fetch_certificates);
    set(CURLOPT_ERRORBUFFER, error_text_);
    set(CURLOPT_WRITEFUNCTION, &HttpTransfer::receive_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_HEADERFUNCTION, &HttpTransfer::receive_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    if (!request.bearer.empty()) {
        set(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        set(CURLOPT_XOAUTH2_BEARER, request.bearer.c_str());
    }
    if (request.range_start > 0)
        set(CURLOPT_RANGE, (std::to_string(request.range_start) + "-").c_str());
    return ok ? Status() : fail(ErrorKind::system, "libcurl refuses an option");
}

HttpTransfer::~HttpTransfer() {
    curl_easy_cleanup(handle_);
    curl_slist_free_all(headers_);
}

long HttpTransfer::status() const {
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

const std::string& HttpTransfer::header(const std::string& name) const {
    static const std::string none;
    const auto found = answer_headers_.find(name);
    return found == answer_headers_.end() ? none : found->second;
}

std::chrono::seconds HttpTransfer::retry_after() const {
    return parse_retry_after(header("retry-after"), std::time(nullptr));
}

// RFC 9110 §10.2.3: a number of seconds, or a date in one of three formats.
std::chrono::seconds parse_retry_after(const std::string& text, std::time_t now) {
    std::int64_t seconds = 0;
    const char* end = text.data() + text.size();
    const auto number = std::from_chars(text.data(), end, seconds);
    if (number.ec == std::errc::invalid_argument ||
        (number.ec == std::errc() && number.ptr != end)) {
        const std::time_t date = ::curl_getdate(text.c_str(), nullptr);
        seconds = date == -1 ? 0 : std::int64_t{date} - now;
    }
    if (number.ec == std::errc::result_out_of_range)
        seconds = max_retry_after_s;
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, max_retry_after_s));
}

bool is_transient(long status) {
    return status == 408 || status == 429 || status >= 500;
}

bool is_transient(const Error& error) {
    return error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::timed_out;
}

Status HttpTransfer::perform() {
    return outcome(curl_easy_perform(handle_));
}

Status HttpTransfer::outcome(CURLcode code) const {
    if (code == CURLE_OK)
        return {};
    const std::string text = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
    Error error(kind_of(code), "cannot get " + url_origin(url_) + ": " + text);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        error = std::move(error).with_hint("trust its certificate with --ca-certs FILE");
    return fail(std::move(error));
}

} // namespace msb::image
