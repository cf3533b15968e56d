// A request on its way to the server, whatever version of HTTP it is written in: its head, then pieces of its
// body, then its end. Placeholders of secrets that may go to this server become their values, in the parts of
// a request where they may; any other placeholder is a violation, in whatever form it is written.
#pragma once

#include "tls/content/body.hpp"
#include "tls/content/reach.hpp"

#include <optional>

namespace msb::tls {

class RequestFilter {
  public:
    /// A request's head, or a piece of a body that is not collected, with values in it.
    static constexpr std::size_t most_grown = std::size_t{1} << 20;

    /// Where a request goes on. It is called within begin(), payload() and end().
    class Out {
      public:
        virtual ~Out() = default;
        virtual void request_head(const RequestHead& head, bool has_body) = 0;
        virtual void request_payload(std::string_view payload) = 0;
        virtual void request_end(const std::vector<Field>& trailers) = 0;
        /// Tells the guest to send the body that it waits with ("Expect: 100-continue"). False: it cannot be told.
        virtual bool ask_for_body() = 0;
        /// Nothing of the request goes on any more.
        virtual void refuse(std::string_view status, std::string_view code,
                            const std::string& message) = 0;
    };

    /// `protocol`, `stream`: for violations.
    RequestFilter(const Peers& peers, Observer& observer, Out& out, std::string protocol,
                  std::int32_t stream = 0)
        : peers_(peers), observer_(observer), out_(out), protocol_(std::move(protocol)),
          stream_(stream) {}

    /// The host is in the field "host". False: refused, and so is what follows.
    bool begin(std::shared_ptr<const Reach> reach, RequestHead head, const Framing& framing);
    bool payload(std::string_view payload);
    bool end(const std::vector<Field>& trailers);

    /// What is no HTTP, or after it: nothing is replaced. False: a violation, and refused.
    void begin_other(std::shared_ptr<const Reach> reach);
    bool search_other(std::string_view text) { return search(text, "unknown"); }
    void end_other();

    bool refused() const { return refused_; }
    void refuse(std::string_view status, std::string_view code, const std::string& message);
    /// Bytes that it keeps.
    std::size_t held() const { return body_.collected.size(); }
    void wipe() { body_.wipe(); }

  private:
    /// A scanner's sink.
    struct BodySink {
        RequestFilter& of;
        void text(std::string_view part);
        void word(std::uint32_t number);
    };

    bool check_host(const RequestHead& head);
    bool fits(const Secret& secret, const RequestHead& head) const;
    bool choose(const RequestHead& head);
    bool search_head(const RequestHead& head);
    bool substitute_head(RequestHead& head);
    bool begin_body(RequestHead head, const Framing& framing);
    std::shared_ptr<const Words> body_words();
    bool send_collected();
    bool search(std::string_view text, std::string_view location);
    bool finish_search(std::string_view location);
    std::string replaced(std::string_view text, const std::string& field) const;
    std::string replaced_query(std::string_view target) const;
    bool may_grow_to(std::size_t size);
    bool refuse_body(const std::string& why);
    void violated(std::uint32_t word, Form form, std::string_view location);

    const Peers& peers_;
    Observer& observer_;
    Out& out_;
    std::string protocol_;
    std::int32_t stream_;

    std::shared_ptr<const Reach> reach_;
    bool refused_ = false;
    RequestHead request_;              ///< as the guest sent it
    RequestHead sent_head_;            ///< as it goes on
    std::vector<std::size_t> chosen_;  ///< the secrets for this request
    std::shared_ptr<const Words> own_; ///< their placeholders, by their number there
    FilteredBody body_;
    std::string body_out_;
    std::vector<std::string> body_values_; ///< by the number of a word in body_scanner_
    std::optional<Detector> detector_;     ///< of the body, or of all if it is no HTTP
    std::optional<Scanner> body_scanner_;
};

/// The body of an answer that tells a guest why it has no other.
std::string refusal_body(std::string_view code, const std::string& message,
                         const std::string& domain);

} // namespace msb::tls
