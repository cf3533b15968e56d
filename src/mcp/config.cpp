#include "mcp/config.hpp"

#include "json/reader.hpp"
#include "json/text.hpp"

namespace msb::mcp {

std::string Config::to_json() const {
    return json::to_text(
        {{"prefix", prefix},
         {"allowed", limits.allowed},
         {"max_output", limits.max_output},
         {"timeout_ms", limits.timeout.count()},
         {"address", http ? json::Value(http->address.to_string()) : json::Value()},
         {"port", http ? http->port : 0},
         {"token_file", token_file}});
}

Result<Config> Config::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "mcp's configuration");
    json::Reader document(value);
    Config config;
    document.get("prefix", config.prefix);
    document.get("allowed", config.limits.allowed);
    document.get("max_output", config.limits.max_output);
    config.limits.timeout = std::chrono::milliseconds(document.get<std::int64_t>("timeout_ms"));
    document.get("token_file", config.token_file);
    Endpoint http;
    document.get("port", http.port);
    if (const auto address = document.get<std::optional<std::string>>("address")) {
        const auto parsed = IpAddress::parse(*address);
        if (!parsed)
            document.complain("not an address: " + *address);
        http.address = parsed.value_or(IpAddress());
        config.http = http;
    }
    MSB_TRY_WRAP(document.status(), "mcp's configuration");
    return config;
}

} // namespace msb::mcp
