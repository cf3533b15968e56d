#include "runtime/session_observer.hpp"

#include "base/log.hpp"
#include "wire/exit_code.hpp"
#include "wire/transport.hpp"

#include <algorithm>
#include <utility>

namespace msb {

namespace {
constexpr std::size_t max_ended = 64;
constexpr std::size_t max_streams = 4096;
} // namespace

SessionObserver::SessionObserver(const device::Dial& dial, ExecLog& log)
    : connection_(dial(wire::client_port)), log_(log) {
    if (!connection_) {
        log::warn("too many connections to the guest: output of detached sessions is not logged");
        return;
    }
    connection_->on_connected = [this] { flush(); };
    connection_->on_writable = [this] { flush(); };
    connection_->on_readable = [this] { read(); };
    connection_->on_closed = [this](device::StreamEnd reason) {
        read();
        end_all("the agent is gone: " + std::string(device::to_string(reason)));
    };
    send(0, wire::SessionObserve{});
    flush();
}

SessionObserver::~SessionObserver() {
    if (connection_)
        connection_->close();
}

void SessionObserver::start(std::uint64_t number, wire::ExecRequest request) {
    const std::uint32_t id = ++last_id_;
    starting_[id] = number;
    request.detach = true;
    send(id, wire::SessionNumber{number});
    send(id, request);
    flush();
}

void SessionObserver::watch(std::uint64_t number, std::function<void(const End&)> ended) {
    watched_[number] = std::move(ended);
    const auto found = std::ranges::find(ended_, number, &decltype(ended_)::value_type::first);
    if (found != ended_.end())
        return end(number, End(found->second));
    if (!connection_)
        end_all("the agent cannot be reached");
}

void SessionObserver::flush() {
    if (connection_)
        out_.consume(connection_->write(out_.view()));
}

void SessionObserver::read() {
    if (!connection_)
        return;
    for (BytesView data = connection_->readable(); !data.empty() && !log_.full();
         data = connection_->readable()) {
        in_.feed(data);
        connection_->consume(data.size());
        for (;;) {
            const auto frame = in_.next();
            if (!frame) {
                connection_->reset(); // no handler is called any more
                return end_all(frame.error().to_string());
            }
            if (!*frame)
                break;
            handle(**frame);
        }
    }
}

void SessionObserver::handle(const wire::Frame& frame) {
    const auto envelope = wire::decode_envelope(frame.body);
    if (!envelope)
        return;
    const BytesView payload = envelope->payload;
    if (envelope->type == wire::SessionOutput::type) {
        if (const auto output = wire::SessionOutput::decode(payload))
            record(*output);
    } else if (envelope->type == wire::SessionEnded::type) {
        const auto ended = wire::SessionEnded::decode(payload);
        if (ended)
            end_streams(ended->session);
        if (ended)
            end(ended->session, {wire::ExecExited{ended->code, ended->signal}, {}});
    } else if (envelope->type == wire::ExecFailed::type) {
        const auto failed = wire::ExecFailed::decode(payload);
        const auto started = starting_.find(frame.id);
        if (failed && started != starting_.end())
            end(started->second, {wire::ExecExited{wire::exit_code_of(*failed), std::nullopt},
                                  std::string(to_string(failed->kind)) + ": " + failed->message});
    }
}

void SessionObserver::record(const wire::SessionOutput& output) {
    const LogSource source = output.tty     ? LogSource::output
                             : output.error ? LogSource::standard_error
                                            : LogSource::standard_output;
    // The guest chooses the session numbers; bound what it can make us keep for them.
    if (streams_.size() >= max_streams)
        streams_.clear();
    Streams& streams = streams_[output.session];
    streams.tty = output.tty;
    LogStream& stream = output.error && !output.tty ? streams.err : streams.out;
    stream.write(log_, source, output.session, output.data);
}

void SessionObserver::end_streams(std::uint64_t number) {
    const auto found = streams_.find(number);
    if (found == streams_.end())
        return;
    Streams& streams = found->second;
    streams.out.finish(log_, streams.tty ? LogSource::output : LogSource::standard_output, number);
    streams.err.finish(log_, LogSource::standard_error, number);
    streams_.erase(found);
}

void SessionObserver::end(std::uint64_t number, const End& end) {
    const auto found = watched_.find(number);
    if (found == watched_.end()) {
        ended_.emplace_back(number, end);
        if (ended_.size() > max_ended)
            ended_.pop_front();
        return;
    }
    const auto ended = std::move(found->second);
    watched_.erase(found);
    ended(end);
}

void SessionObserver::end_all(const std::string& why) {
    while (!watched_.empty())
        end(watched_.begin()->first, {wire::ExecExited{1, std::nullopt}, why});
}

} // namespace msb
