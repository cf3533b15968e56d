#include "tls/content/http2_stream.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace msb::tls {

namespace {

constexpr unsigned first_final = 200;
/// As long as less than this waits to go on, more may come.
constexpr std::size_t low_water = std::size_t{128} << 10;

/// Names of HTTP/2 have no capital letters; the head's own may have.
void append_fields(std::vector<Field>& to, const std::vector<Field>& fields) {
    for (Field field : fields) {
        std::ranges::transform(field.name, field.name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        to.push_back(std::move(field));
    }
}

/// The value of a field that only HTTP/2 has, like ":path", which is taken out.
std::string take_field(std::vector<Field>& fields, std::string_view name) {
    std::string value;
    std::erase_if(fields, [&](Field& field) {
        if (field.name != name)
            return false;
        value = std::move(field.value);
        return true;
    });
    return value;
}

/// nghttp2 has checked that there are no more and no less of them than there must be.
std::expected<RequestHead, Refusal> request_of(std::vector<Field> fields) {
    RequestHead head;
    head.method = take_field(fields, ":method");
    head.target = take_field(fields, ":path");
    const std::string scheme = take_field(fields, ":scheme");
    const std::string authority = take_field(fields, ":authority");
    head.fields = std::move(fields);
    if (head.method != "CONNECT" && scheme != "https")
        return std::unexpected("a scheme that is not https");
    if (authority.empty())
        return head; // with a Host, or without, which is refused later
    if (const std::string* const host = head.find("host"); host != nullptr && *host != authority)
        return std::unexpected(":authority is " + authority + ", and Host is " + *host);
    head.remove("host");
    head.fields.insert(head.fields.begin(), {"host", authority});
    return head;
}

} // namespace

Http2Stream::Http2Stream(Owner& owner, Http2Session& guest, Http2Session& upstream,
                         const Peers& peers, Observer& observer, std::shared_ptr<const Reach> reach,
                         std::int32_t guest_id)
    : owner_(owner), guest_(guest), upstream_(upstream), peers_(peers), observer_(observer),
      reach_(std::move(reach)), guest_id_(guest_id),
      request_(peers, observer, *this, "http/2", guest_id), response_(observer, *this) {}

Http2Stream::~Http2Stream() {
    end_upstream(Http2Error::cancel);
    guest_.consumed(guest_id_, guest_owed_);
    upstream_.consumed(upstream_id_, upstream_owed_);
}

void Http2Stream::Block::add(std::string_view name, std::string_view value) {
    constexpr std::size_t overhead = 32; // RFC 9113 §6.5.2
    size += name.size() + value.size() + overhead;
    too_long = too_long || size > most_head || fields.size() >= most_fields;
    if (!too_long)
        fields.push_back({std::string(name), std::string(value)});
}

std::size_t Http2Stream::held() const {
    return request_.held() + response_.held() + to_guest_.data.size() + to_upstream_.data.size() +
           guest_fields_.size + upstream_fields_.size;
}

void Http2Stream::settle() {
    if (over_ || to_upstream_.data.size() < low_water)
        guest_.consumed(guest_id_, std::exchange(guest_owed_, 0));
    if (over_ || to_guest_.data.size() < low_water)
        upstream_.consumed(upstream_id_, std::exchange(upstream_owed_, 0));
}

/// The upstream's stream ends, if it has not ended itself.
void Http2Stream::end_upstream(Http2Error why) {
    if (std::exchange(upstream_open_, false))
        upstream_.reset(upstream_id_, why);
}

/// Nothing more goes either way.
void Http2Stream::cut(Http2Error why) {
    over_ = true;
    request_.wipe();
    response_.wipe();
    to_guest_.data.clear();
    to_upstream_.data.clear();
    end_upstream(Http2Error::cancel);
    guest_.reset(guest_id_, why);
}

// ---- the request --------------------------------------------------------------------------------

void Http2Stream::guest_header(std::string_view name, std::string_view value) {
    guest_fields_.add(name, value);
}

void Http2Stream::guest_headers_end(bool last) {
    if (over_)
        return;
    if (guest_fields_.too_long)
        return request_.refuse("431 Request Header Fields Too Large", "request_refused",
                               "a head of more than 64 KiB");
    if (!std::exchange(request_begun_, true))
        begin_request(last);
    else if (last)
        end_request(std::exchange(guest_fields_, {}).fields);
}

void Http2Stream::begin_request(bool last) {
    auto head = request_of(std::exchange(guest_fields_, {}).fields);
    auto framing = head ? request_framing(*head)
                        : std::expected<Framing, Refusal>(std::unexpected(head.error()));
    if (!framing)
        return request_.refuse("400 Bad Request", "request_refused", framing.error());
    if (last)
        *framing = {};
    else if (framing->kind == Framing::Kind::none)
        framing->kind = Framing::Kind::until_close; // the stream's
    method_ = head->method;
    if (request_.begin(reach_, std::move(*head), *framing) && last)
        end_request({});
}

void Http2Stream::end_request(const std::vector<Field>& trailers) {
    if (over_ || std::exchange(request_ended_, true))
        return;
    request_.end(trailers);
}

void Http2Stream::guest_data(std::string_view data) {
    guest_owed_ += data.size();
    if (!over_)
        request_.payload(data);
    settle();
}

void Http2Stream::request_head(const RequestHead& head, bool has_body) {
    const std::string* const host = head.find("host");
    std::vector<Field> fields{{":method", head.method},
                              {":scheme", "https"},
                              {":authority", host == nullptr ? "" : *host},
                              {":path", head.target}};
    append_fields(fields, head.fields);
    std::erase_if(fields, [](const Field& field) { return field.name == "host"; });
    upstream_id_ = upstream_.request(fields, has_body);
    if (upstream_id_ < 0)
        return cut(Http2Error::refused_stream);
    upstream_open_ = true;
    owner_.upstream_opened(upstream_id_, *this);
}

void Http2Stream::request_payload(std::string_view payload) {
    to_upstream_.data.append(as_bytes(payload));
    if (to_upstream_.data.size() > low_water && !observer_.has_room(1))
        return request_.refuse("503 Service Unavailable", "request_refused",
                               "too much is on its way already");
    if (upstream_open_)
        upstream_.resume(upstream_id_);
    else
        to_upstream_.data.clear(); // it was answered without
}

void Http2Stream::request_end(const std::vector<Field>& trailers) {
    append_fields(to_upstream_.trailers, trailers);
    to_upstream_.ended = true;
    if (upstream_open_)
        upstream_.resume(upstream_id_);
}

bool Http2Stream::ask_for_body() {
    if (!answer_begun_)
        guest_.respond_interim(guest_id_, {{":status", "100"}});
    return !answer_begun_;
}

void Http2Stream::refuse(std::string_view status, std::string_view code,
                         const std::string& message) {
    if (answer_sent_head_)
        return cut(Http2Error::internal);
    over_ = answer_begun_ = answer_sent_head_ = answer_ended_ = true;
    response_.wipe();
    to_upstream_.data.clear();
    end_upstream(Http2Error::cancel);
    const std::string body = refusal_body(code, message, peers_.name);
    to_guest_.data.append(as_bytes(body));
    to_guest_.ended = true;
    guest_.respond(guest_id_,
                   {{":status", std::string(status.substr(0, status.find(' ')))},
                    {"content-type", "application/json"},
                    {"content-length", std::to_string(body.size())}},
                   true);
}

// ---- the answer ---------------------------------------------------------------------------------

void Http2Stream::upstream_header(std::string_view name, std::string_view value) {
    upstream_fields_.add(name, value);
}

void Http2Stream::upstream_headers_end(bool last) {
    if (over_)
        return;
    if (upstream_fields_.too_long)
        return refuse_answer("too long a head");
    if (!answer_begun_)
        begin_answer(last);
    else if (last)
        end_answer(std::exchange(upstream_fields_, {}).fields);
}

void Http2Stream::begin_answer(bool last) {
    ResponseHead head;
    head.fields = std::exchange(upstream_fields_, {}).fields;
    const std::string status = take_field(head.fields, ":status");
    std::from_chars(status.data(), status.data() + status.size(), head.status);
    if (head.status < first_final && !last)
        return response_.interim(*reach_, std::move(head));
    auto framing = response_framing(head, method_);
    if (!framing)
        return refuse_answer(framing.error());
    if (last)
        *framing = {};
    answer_begun_ = true;
    response_.begin(reach_, std::move(head), *framing);
    if (last)
        end_answer({});
}

void Http2Stream::end_answer(std::vector<Field> trailers) {
    if (!over_ && answer_begun_ && !answer_ended_)
        response_.end(std::move(trailers));
}

void Http2Stream::upstream_data(std::string_view data) {
    upstream_owed_ += data.size();
    if (!over_ && answer_begun_)
        response_.payload(data);
    settle();
}

void Http2Stream::response_head(const ResponseHead& head, bool has_body) {
    std::vector<Field> fields{{":status", std::to_string(head.status)}};
    append_fields(fields, head.fields);
    if (head.status < first_final)
        return guest_.respond_interim(guest_id_, fields);
    answer_sent_head_ = true;
    guest_.respond(guest_id_, fields, has_body);
}

void Http2Stream::response_payload(std::string_view payload) {
    to_guest_.data.append(as_bytes(payload));
    if (to_guest_.data.size() > low_water && !observer_.has_room(1))
        return cut(Http2Error::enhance_your_calm);
    guest_.resume(guest_id_);
}

void Http2Stream::response_end(const std::vector<Field>& trailers) {
    append_fields(to_guest_.trailers, trailers);
    to_guest_.ended = answer_ended_ = true;
    guest_.resume(guest_id_);
}

void Http2Stream::refuse_answer(const std::string& why) {
    request_.refuse("502 Bad Gateway", "answer_refused", "the server's answer: " + why);
}

void Http2Stream::upstream_closed(Http2Error why) {
    upstream_open_ = false;
    if (!answer_ended_ && !over_)
        cut(why == Http2Error::none ? Http2Error::internal : why);
    else if (all_sent_ && !request_ended_ && !over_)
        guest_.reset(guest_id_, Http2Error::none);
}

/// Of a request that the server has answered before its end, the rest is not wanted (RFC 9113 §8.1). What is refused
/// here is read to its end instead: there are clients that do not show the answer otherwise.
void Http2Stream::guest_last_sent() {
    all_sent_ = true;
    if (!request_ended_ && !upstream_open_ && !over_)
        guest_.reset(guest_id_, Http2Error::none);
}

} // namespace msb::tls
