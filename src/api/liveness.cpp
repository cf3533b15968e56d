#include "api/liveness.hpp"

#include "api/connection.hpp"

namespace msb::api {

namespace {

constexpr std::chrono::seconds answer_time{10};

template <typename Answer, typename Request>
Outcome<std::pair<Answer, std::chrono::nanoseconds>> ask(const std::string& name, Cancel* cancel) {
    using Clock = std::chrono::steady_clock;
    ConnectionPool pool(name);
    Connection connection = MSB_TRY(pool.take(cancel));
    std::optional<Result<Answer>> answer;
    std::optional<Error> lost;
    const auto begun = Clock::now();
    Clock::duration took{};
    AgentClient& client = *connection.client;
    client.on_closed([&](const Error& error) { lost = error; });
    const auto id = client.open_id([&](const wire::Frame&, const wire::Envelope& envelope) {
        took = Clock::now() - begun;
        answer = envelope.type == Answer::type
                     ? Answer::decode(envelope.payload)
                     : Result<Answer>(
                           msb::fail(ErrorKind::protocol, "the agent's answer is of another kind"));
    });
    client.send(id, Request{});
    const Cancel::Wake wake(cancel, [&] { connection.loop->post([] {}); });
    while (!answer && !lost) {
        if (cancel != nullptr && cancel->triggered())
            return fail(FailureKind::cancelled, "cancelled");
        if (Clock::now() - begun > answer_time)
            return fail(Failure(FailureKind::timed_out,
                                "the agent of sandbox '" + name + "' does not answer")
                            .of(name));
        MSB_TRY(connection.loop->run_once(std::chrono::seconds(1)));
    }
    if (!answer)
        return fail(Failure(FailureKind::session_lost, std::move(*lost)).of(name));
    return std::pair(MSB_TRY(std::move(*answer)), took);
}

} // namespace

Outcome<std::chrono::nanoseconds> ping(const std::string& name, Cancel* cancel) {
    return MSB_TRY((ask<wire::Pong, wire::Ping>(name, cancel))).second;
}

Outcome<std::uint64_t> touch(const std::string& name, Cancel* cancel) {
    return MSB_TRY((ask<wire::Touched, wire::Touch>(name, cancel))).first.activity_seq;
}

} // namespace msb::api
