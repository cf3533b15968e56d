#include "mcp/server.hpp"

#include "json/text.hpp"

#include <algorithm>

namespace msb::mcp {

namespace {

/// What we speak; the first is offered to a client that asks for another one.
constexpr std::string_view versions[] = {"2025-06-18", "2025-11-25", "2025-03-26", "2024-11-05"};

constexpr const char* instructions =
    "Tools for virtual machines on this machine in which untrusted code can run. For one command "
    "use "
    "sandbox_run. For work with files that stay between commands: sandbox_create once, then shell, "
    "python and the fs_ tools with its name. Sandboxes end with this client unless they are kept. "
    "Network access follows a policy: net_check tells why something is refused.";

const Tool* find_tool(std::string_view name) {
    const auto& tools = all_tools();
    const auto found = std::ranges::find(tools, name, &Tool::name);
    return found == tools.end() ? nullptr : &*found;
}

json::Value text_content(std::string text) {
    return json::array({{{"type", "text"}, {"text", std::move(text)}}});
}

json::Value tool_result(const api::Outcome<Answer>& outcome) {
    if (outcome) {
        std::string text = outcome->text;
        if (text.empty())
            text = json::to_text(outcome->structured, 2);
        return {{"content", text_content(std::move(text))},
                {"structuredContent", outcome->structured},
                {"isError", false}};
    }
    const api::Failure& failure = outcome.error();
    const Error& error = failure.error;
    std::string text = error.to_string();
    if (!error.hint().empty())
        text += "\n" + error.hint();
    if (failure.boot)
        text += "\n" + failure.boot->message;
    return {{"content", text_content(std::move(text))},
            {"structuredContent",
             {{"error",
               {{"kind", to_string(failure.kind)},
                {"message", error.to_string()},
                {"hint", json::or_null(std::string(error.hint()))}}}}},
            {"isError", true}};
}

api::Outcome<Answer> run_tool(const Tool& tool, Call& call) {
    try {
        return tool.run(call);
    } catch (const std::exception& error) { // no memory
        return api::fail(api::FailureKind::internal, error.what());
    }
}

/// Reports of a pull, for a client that wants them; not more than a few a second.
class PullReports : public image::Progress {
  public:
    PullReports(json::Value token, api::Cancel& cancel, std::function<void(json::Value)> report)
        : token_(std::move(token)), cancel_(cancel), report_(std::move(report)) {}

    void resolving(const std::string& reference) override { tell("resolving " + reference); }
    void resolved(const std::string& reference, std::size_t, std::uint64_t total) override {
        total_ = total;
        tell("pulling " + reference);
    }
    void layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t) override {
        done_[layer] = done;
        constexpr auto pause = std::chrono::milliseconds(250);
        const auto now = std::chrono::steady_clock::now();
        if (now - told_ >= pause)
            tell("pulling");
    }
    void merging(const std::string& reference) override { tell("unpacking " + reference); }
    bool cancelled() override { return cancel_.triggered(); }

  private:
    void tell(const std::string& message) {
        told_ = std::chrono::steady_clock::now();
        if (token_.is_null())
            return;
        std::uint64_t done = 0;
        for (const auto& [layer, bytes] : done_)
            done += bytes;
        // It has to grow with each report.
        sent_ = std::max(sent_ + 1, done);
        json::Value report = {{"progressToken", token_}, {"progress", sent_}, {"message", message}};
        if (total_ >= sent_)
            report["total"] = total_;
        report_(std::move(report));
    }

    json::Value token_;
    api::Cancel& cancel_;
    std::function<void(json::Value)> report_;
    std::uint64_t total_ = 0, sent_ = 0;
    std::map<std::size_t, std::uint64_t> done_;
    std::chrono::steady_clock::time_point told_;
};

json::Value progress_token(const json::Value& params) {
    const json::Value* meta = params.find("_meta");
    const json::Value* token = meta == nullptr ? nullptr : meta->find("progressToken");
    return token != nullptr && (token->is_text() || token->integer()) ? *token : json::Value();
}

} // namespace

Server::~Server() {
    end_calls();
}

void Server::receive(std::string_view text, const Reply& reply) {
    const auto message = read_message(text);
    if (!message)
        return reply(Part::answer,
                     error_text(message.error().id, message.error().code, message.error().message));
    switch (message->kind) {
    case Message::Kind::response: return reply(Part::answer, {}); // we ask nothing
    case Message::Kind::notification:
        if (message->method == "notifications/cancelled")
            cancel_call(message->params);
        return reply(Part::answer, {});
    case Message::Kind::request: return answer(*message, reply);
    }
}

void Server::answer(const Message& request, const Reply& reply) {
    if (request.method == "tools/call")
        return call_tool(request, reply);
    if (request.method == "initialize")
        return reply(Part::answer, result_text(request.id, initialize(request.params)));
    if (request.method == "ping")
        return reply(Part::answer, result_text(request.id, json::object()));
    if (request.method == "tools/list") {
        json::Value list = json::array();
        for (const Tool& tool : all_tools())
            list.push_back(tool.document());
        return reply(Part::answer, result_text(request.id, {{"tools", std::move(list)}}));
    }
    reply(Part::answer,
          error_text(request.id, Code::no_method, "no such method: " + request.method));
}

json::Value Server::initialize(const json::Value& params) const {
    const json::Value* asked = params.find("protocolVersion");
    const std::string* wanted = asked == nullptr ? nullptr : asked->text();
    const bool known =
        wanted != nullptr && std::ranges::find(versions, *wanted) != std::end(versions);
    return {{"protocolVersion", known ? std::string_view(*wanted) : versions[0]},
            {"capabilities", {{"tools", {{"listChanged", false}}}}},
            {"serverInfo",
             {{"name", "microsandbox"}, {"title", "microsandbox"}, {"version", MSB_VERSION}}},
            {"instructions", instructions}};
}

void Server::call_tool(const Message& request, const Reply& reply) {
    const json::Value* name = request.params.find("name");
    const Tool* tool =
        name == nullptr || name->text() == nullptr ? nullptr : find_tool(*name->text());
    if (tool == nullptr)
        return reply(Part::answer,
                     error_text(request.id, Code::invalid_params,
                                "no such tool: " + (name != nullptr && name->text() != nullptr
                                                        ? *name->text()
                                                        : std::string("(no name)"))));
    const json::Value* arguments = request.params.find("arguments");
    join_done();
    const std::lock_guard lock(mutex_);
    if (running_.size() >= max_calls)
        return reply(Part::answer,
                     error_text(request.id, Code::internal,
                                "too many calls at a time (" + std::to_string(max_calls) + ")"));
    Running& running = running_.emplace_back();
    running.cancel = std::make_shared<api::Cancel>();
    running.id = request.id;
    running.thread = std::thread([this, &running, tool, reply, id = request.id,
                                  cancel = running.cancel, token = progress_token(request.params),
                                  given = arguments == nullptr ? json::object()
                                                               : *arguments]() mutable {
        PullReports progress(std::move(token), *cancel, [&](json::Value report) {
            reply(Part::progress, notification_text("notifications/progress", std::move(report)));
        });
        Call call{ffi::Options(std::move(given), "arguments."), bench_, *cancel, &progress};
        const auto outcome = run_tool(*tool, call);
        // A call that was cancelled is not answered.
        reply(Part::answer,
              cancel->triggered() ? std::string() : result_text(id, tool_result(outcome)));
        const std::lock_guard guard(mutex_);
        running.done = true;
    });
}

void Server::cancel_call(const json::Value& params) {
    const json::Value* id = params.find("requestId");
    std::shared_ptr<api::Cancel> cancel;
    {
        const std::lock_guard lock(mutex_);
        for (const Running& running : running_)
            if (id != nullptr && !running.done && running.id == *id)
                cancel = running.cancel;
    }
    if (cancel)
        cancel->trigger();
}

void Server::join_done() {
    std::list<Running> done;
    {
        const std::lock_guard lock(mutex_);
        for (auto at = running_.begin(); at != running_.end();) {
            const auto next = std::next(at);
            if (at->done)
                done.splice(done.end(), running_, at);
            at = next;
        }
    }
    for (Running& running : done)
        running.thread.join();
}

void Server::end_calls() {
    std::list<std::shared_ptr<api::Cancel>> cancels;
    {
        const std::lock_guard lock(mutex_);
        for (const Running& running : running_)
            cancels.push_back(running.cancel);
    }
    for (const auto& cancel : cancels)
        cancel->trigger();
    for (Running& running : running_) // nobody adds any more
        running.thread.join();
    running_.clear();
}

void Server::finish(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < deadline) {
        {
            const std::lock_guard lock(mutex_);
            if (std::ranges::all_of(running_, &Running::done))
                return;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

} // namespace msb::mcp
