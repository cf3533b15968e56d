// What the tests of conversations share.
#pragma once

#include "tls/content/observer.hpp"

namespace msb::tls {

struct Noted : Observer {
    std::vector<Violation> violations;
    std::vector<std::string> echoed;
    bool terminated = false;
    std::size_t room = SIZE_MAX;
    void violation(const Violation& one) override { violations.push_back(one); }
    void scrubbed(const std::string& env) override { echoed.push_back(env); }
    void terminate() override { terminated = true; }
    bool has_room(std::size_t bytes) override { return bytes <= room; }
};

inline Secret secret_of(std::string env, std::string value, std::vector<std::string> hosts) {
    Secret secret;
    secret.placeholder = "$MSB_" + env;
    secret.env = std::move(env);
    secret.value = std::move(value);
    secret.hosts = std::move(hosts);
    return secret;
}

} // namespace msb::tls
