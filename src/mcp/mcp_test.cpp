#include "base/bytes.hpp"
#include "json/text.hpp"
#include "mcp/command.hpp"
#include "mcp/message.hpp"
#include "mcp/server.hpp"

#include <gtest/gtest.h>
#include <set>

namespace msb::mcp {
namespace {

TEST(Message, Kinds) {
    const auto request = read_message(R"({"jsonrpc":"2.0","id":1,"method":"ping"})");
    ASSERT_TRUE(request);
    EXPECT_EQ(request->kind, Message::Kind::request);
    EXPECT_EQ(request->method, "ping");
    EXPECT_TRUE(request->params.is_object());
    EXPECT_EQ(read_message(R"({"jsonrpc":"2.0","method":"a","params":{"b":1}})")->kind,
              Message::Kind::notification);
    EXPECT_EQ(read_message(R"({"jsonrpc":"2.0","id":"x","result":{}})")->kind,
              Message::Kind::response);
}

TEST(Message, Problems) {
    const auto code = [](std::string_view text) { return read_message(text).error().code; };
    EXPECT_EQ(code("{"), Code::no_json);
    EXPECT_EQ(code(""), Code::no_json);
    EXPECT_EQ(code("[]"), Code::invalid_request);
    EXPECT_EQ(code(R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])"), Code::invalid_request);
    EXPECT_EQ(code(R"({"id":1,"method":"ping"})"), Code::invalid_request);
    EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":null,"method":"ping"})"), Code::invalid_request);
    EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":2})"), Code::invalid_request);
    EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":1,"method":"a","params":[1]})"), Code::invalid_params);
    EXPECT_EQ(code(std::string(max_message + 1, ' ')), Code::invalid_request);
    // The client learns which of its requests it was.
    EXPECT_EQ(read_message(R"({"jsonrpc":"1.0","id":7,"method":"a"})").error().id, 7);
}

TEST(Excerpt, KeepsBothEnds) {
    Excerpt whole(10);
    whole.add(as_bytes("0123"));
    whole.add(as_bytes("456789"));
    EXPECT_TRUE(whole.complete());
    EXPECT_EQ(whole.text(), "0123456789");
    Excerpt cut(10);
    for (int i = 0; i < 1000; ++i)
        cut.add(as_bytes("abc"));
    cut.add(as_bytes("VWXYZ"));
    EXPECT_FALSE(cut.complete());
    EXPECT_EQ(cut.text(), "abcab\n[2995 bytes left out]\nVWXYZ");
    Excerpt one(3);
    one.add(as_bytes("abcdef"));
    EXPECT_EQ(one.text(), "a\n[3 bytes left out]\nef");
}

/// A server whose answers are read here.
class Client {
  public:
    json::Value ask(const std::string& method, json::Value params) {
        server_.receive(json::to_text({{"jsonrpc", "2.0"},
                                       {"id", ++id_},
                                       {"method", method},
                                       {"params", std::move(params)}}),
                        reply_);
        server_.finish(std::chrono::seconds(10));
        const std::lock_guard lock(mutex_);
        return sent_.empty() ? json::Value() : json::parse(sent_.back()).value();
    }
    void tell(const std::string& text) { server_.receive(text, reply_); }
    std::size_t sent() {
        const std::lock_guard lock(mutex_);
        return sent_.size();
    }

  private:
    int id_ = 0;
    std::mutex mutex_;
    std::vector<std::string> sent_;
    const Server::Reply reply_ = [this](Server::Part, const std::string& text) {
        const std::lock_guard lock(mutex_);
        if (!text.empty())
            sent_.push_back(text);
    };
    Server server_{Limits()};
};

json::Value at(const json::Value& value, std::initializer_list<std::string_view> path) {
    const json::Value* found = &value;
    for (const std::string_view key : path)
        found = found == nullptr ? nullptr : found->find(key);
    return found == nullptr ? json::Value() : *found;
}

TEST(Server, Handshake) {
    Client client;
    const auto hello = client.ask("initialize", {{"protocolVersion", "2024-11-05"}});
    EXPECT_EQ(at(hello, {"result", "protocolVersion"}), "2024-11-05");
    EXPECT_EQ(at(hello, {"result", "serverInfo", "name"}), "microsandbox");
    EXPECT_EQ(at(client.ask("initialize", {{"protocolVersion", "1999-01-01"}}),
                 {"result", "protocolVersion"}),
              "2025-06-18");
    client.tell(R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
    EXPECT_EQ(client.sent(), 2U);
    EXPECT_EQ(at(client.ask("resources/list", json::object()), {"error", "code"}), -32601);
    EXPECT_EQ(at(client.ask("tools/call", {{"name", "format_disk"}}), {"error", "code"}), -32602);
}

TEST(Server, ToolsHaveNamesOfTheirOwn) {
    std::set<std::string> names;
    for (const Tool& tool : all_tools()) {
        EXPECT_TRUE(names.insert(tool.name).second) << tool.name;
        EXPECT_TRUE(at(tool.document(), {"inputSchema", "properties"}).is_object()) << tool.name;
    }
}

/// What a schema names, the tool reads, and nothing else. No call here gets as far as doing anything,
/// because each has an argument that is wrong.
TEST(Server, ToolsReadWhatTheirSchemasSay) {
    Client client;
    const auto message = [&](const Tool& tool, json::Value arguments) {
        const auto answer =
            client.ask("tools/call", {{"name", tool.name}, {"arguments", std::move(arguments)}});
        EXPECT_EQ(at(answer, {"result", "isError"}), true) << tool.name;
        const auto text = at(answer, {"result", "structuredContent", "error", "message"});
        return text.is_text() ? *text.text() : std::string();
    };
    for (const Tool& tool : all_tools()) {
        json::Value good = json::object();
        const json::Value needed = at(tool.input.document(), {"required"});
        for (const json::Value& name : needed.elements())
            good[*name.text()] =
                at(tool.input.document(), {"properties", *name.text(), "type"}) == "array"
                    ? json::array({"x"})
                    : json::Value("x");
        if (good.contains("signal"))
            good["signal"] = "INT";
        if (tool.input.properties().contains("base64"))
            good[tool.effect == Tool::Effect::reads ? "path" : "text"] = "x";
        json::Value extra = good;
        extra["surprise"] = 1;
        EXPECT_NE(message(tool, extra).find("surprise"), std::string::npos) << tool.name;
        for (const auto& [name, property] : tool.input.properties()) {
            json::Value wrong = good;
            wrong[name] = at(property, {"type"}) == "object" ? json::Value(1) : json::object();
            const std::string text = message(tool, wrong);
            EXPECT_NE(text.find(name), std::string::npos) << tool.name << ": " << text;
            EXPECT_EQ(text.find("unknown"), std::string::npos) << tool.name << ": " << text;
        }
    }
}

TEST(Workbench, PathsOfTheHost) {
    const auto allowed = [](std::vector<std::string> directories, const std::string& path) {
        Limits limits;
        limits.allowed = std::move(directories);
        return Workbench(std::move(limits)).host_path(path).has_value();
    };
    EXPECT_FALSE(allowed({}, "/tmp/x"));
    EXPECT_TRUE(allowed({"/usr"}, "/usr/x"));
    EXPECT_TRUE(allowed({"/usr"}, "/usr"));
    EXPECT_FALSE(allowed({"/usr"}, "/usrx"));
    EXPECT_FALSE(allowed({"/usr"}, "/usr/../etc/passwd"));
    EXPECT_FALSE(allowed({"/usr"}, "usr/x"));
    EXPECT_FALSE(allowed({"/usr"}, ""));
    EXPECT_FALSE(allowed({"/dev"}, "/dev/fd/../../etc/passwd"));
    EXPECT_TRUE(allowed({"/"}, "/etc/passwd"));
}

} // namespace
} // namespace msb::mcp
