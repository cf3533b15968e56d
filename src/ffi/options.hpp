// Options of the C ABI: one JSON object, strict: wrong types and unknown members are errors.
#pragma once

#include "api/attach.hpp"
#include "api/logs.hpp"
#include "api/sandbox.hpp"
#include "api/ssh_server.hpp"
#include "json/value.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb::ffi {

/// Reads members one by one; done() complains about the first thing that was wrong.
class Options {
  public:
    /// One of the words in `all`; the first is the default.
    std::string choice(const char* key, std::initializer_list<std::string_view> all);

    /// `text` may be nullptr: no options.
    explicit Options(const char* text);
    explicit Options(json::Value object, std::string where);

    bool has(const char* key);
    std::string text(const char* key, std::string otherwise = {});
    std::optional<std::string> optional_text(const char* key);
    bool flag(const char* key, bool otherwise = false);
    std::optional<std::uint64_t> number(const char* key, std::uint64_t most);
    std::optional<std::vector<std::string>> texts(const char* key);
    /// An object of text, or an array of pairs, in their order.
    std::vector<std::pair<std::string, std::string>> pairs(const char* key);
    /// The member itself, of any type; null if it is absent.
    json::Value any(const char* key);
    std::vector<Rlimit> rlimits(const char* key);

    void complain(std::string message);
    /// Of members that are good each, but not together.
    void refuse(std::string message);
    /// What was wrong with an object in this one.
    void pass_on(const api::Failure& failure);
    api::Outcome<void> done();

  private:
    const json::Value* find(const char* key);
    void wrong(const char* key, std::string_view wanted);

    json::Value object_ = json::object();
    std::string where_; ///< "init."
    std::vector<std::string> known_;
    std::string problem_; ///< the first one
    bool is_config_ = false;
};

image::PullOptions pull_options(Options& options);
/// "network".
void read_network_member(Options& options, NetworkSpec& network);
/// "ports" and "network".
void read_network(Options& options, NetworkSpec& network);
/// "volumes".
void read_volumes(Options& options, SandboxSpec& spec);
api::Outcome<api::CreateOptions> create_options(std::string name, const char* text);

struct ExecRequestOptions {
    std::vector<std::string> argv; ///< without the command's name
    bool shell = false;
    api::Sandbox::ExecOptions exec;
    std::size_t max_output = std::size_t{256} << 20;
};
/// `streams`: the command may have a pipe for input.
api::Outcome<ExecRequestOptions> exec_options(const char* text, bool streams);

struct AttachRequestOptions {
    std::vector<std::string> argv; ///< without the command's name
    bool shell = false;
    api::AttachOptions attach;
};
api::Outcome<AttachRequestOptions> attach_options(const char* text);

api::Outcome<SshOptions> ssh_options(const char* text);

struct LogOptions {
    LogQuery query;
    bool follow = false;
};
api::Outcome<LogOptions> log_options(const char* text, bool stream);

/// The argument itself; invalid_argument for NULL.
api::Outcome<std::string> text_argument(const char* text, std::string_view what);

} // namespace msb::ffi
