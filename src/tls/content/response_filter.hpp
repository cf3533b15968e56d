// An answer on its way to the guest, whatever version of HTTP it is written in: values in it become
// placeholders, so a server that echoes what it got does not tell the guest. For that it is asked not to compress.
#pragma once

#include "tls/content/body.hpp"
#include "tls/content/reach.hpp"

#include <optional>

namespace msb::tls {

class ResponseFilter {
  public:
    /// Longer answers keep their length: a value becomes a placeholder of the same size.
    static constexpr std::size_t most_exact_answer = std::size_t{1} << 20;

    /// Where an answer goes on. It is called within interim(), begin(), payload() and end().
    class Out {
      public:
        virtual ~Out() = default;
        virtual void response_head(const ResponseHead& head, bool has_body) = 0;
        virtual void response_payload(std::string_view payload) = 0;
        virtual void response_end(const std::vector<Field>& trailers) = 0;
        /// Nothing of it has gone on, and nothing does.
        virtual void refuse_answer(const std::string& why) = 0;
    };

    ResponseFilter(Observer& observer, Out& out) : observer_(observer), out_(out) {}

    /// An answer before the answer itself (1xx).
    void interim(const Reach& reach, ResponseHead head);
    void begin(std::shared_ptr<const Reach> reach, ResponseHead head, const Framing& framing);
    /// False: refused, and so is what follows.
    bool payload(std::string_view payload);
    bool end(std::vector<Field> trailers);
    /// Of what is no HTTP: of the same size.
    std::string scrubbed_other(const Reach& reach, std::string_view text) {
        return scrubbed(reach, text, true);
    }

    /// Bytes that it keeps.
    std::size_t held() const { return body_.collected.size(); }
    void wipe() { body_.wipe(); }

  private:
    /// A scanner's sink.
    struct ValueSink {
        ResponseFilter& of;
        void text(std::string_view part);
        void word(std::uint32_t number);
    };

    bool send_collected();
    void scrub(const Reach& reach, ResponseHead& head);
    void scrub(const Reach& reach, std::vector<Field>& fields);
    std::string placeholder_of(const Reach& reach, std::uint32_t echo, bool same_size);
    std::string scrubbed(const Reach& reach, std::string_view text, bool same_size = false);
    bool refuse(const std::string& why);

    Observer& observer_;
    Out& out_;
    std::shared_ptr<const Reach> reach_;
    bool refused_ = false;
    FilteredBody body_;
    ResponseHead head_; ///< as it goes on
    std::optional<Scanner> scanner_;
    std::string out_text_;
};

} // namespace msb::tls
