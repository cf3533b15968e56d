#include "tls/config.hpp"

#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>

namespace msb::tls {

namespace {

json::Value write_secrets(const std::vector<TlsdConfig::Secret>& secrets) {
    json::Value secret_list = json::array();
    for (const TlsdConfig::Secret& secret : secrets)
        secret_list.push_back({{"env", secret.env},
                               {"placeholder", secret.placeholder},
                               {"size", secret.value.size()},
                               {"hosts", secret.hosts},
                               {"passthrough", secret.passthrough},
                               {"header_fields", secret.header_fields},
                               {"methods", secret.methods},
                               {"paths", secret.paths},
                               {"headers", secret.headers},
                               {"query", secret.query},
                               {"body", secret.body},
                               {"per_minute", secret.per_minute},
                               {"total", secret.total},
                               {"action", secret.action}});
    return secret_list;
}

std::vector<TlsdConfig::Secret> read_secrets(json::Reader& document) {
    std::vector<TlsdConfig::Secret> secrets;
    for (const json::Value& element : document.list("secrets")) {
        json::Reader item(document, element);
        TlsdConfig::Secret& one = secrets.emplace_back();
        item.get("env", one.env);
        item.get("placeholder", one.placeholder);
        constexpr std::size_t largest = std::size_t{1} << 20;
        one.value.resize(std::min(item.get<std::size_t>("size"), largest));
        item.get("hosts", one.hosts);
        item.get("passthrough", one.passthrough);
        item.get("header_fields", one.header_fields);
        item.get("methods", one.methods);
        item.get("paths", one.paths);
        item.get("headers", one.headers);
        item.get("query", one.query);
        item.get("body", one.body);
        item.get("per_minute", one.per_minute);
        item.get("total", one.total);
        item.get("action", one.action);
    }
    return secrets;
}

} // namespace

std::string TlsdConfig::to_json() const {
    json::Value authority_list = json::array(), client_list = json::array();
    for (const auto& [pattern, certificates, origin] : authorities)
        authority_list.push_back(
            {{"pattern", pattern}, {"certificates", certificates}, {"origin", origin}});
    for (const auto& [pattern, certificate, key, origin] : clients)
        client_list.push_back(
            {{"pattern", pattern}, {"certificate", certificate}, {"key", key}, {"origin", origin}});
    return json::to_text({{"ca_certificate", ca_certificate},
                          {"ca_key", ca_key},
                          {"roots", roots},
                          {"verify_upstream", verify_upstream},
                          {"no_verify", no_verify},
                          {"authorities", authority_list},
                          {"clients", client_list},
                          {"secrets", write_secrets(secrets)},
                          {"violation_action", violation_action},
                          {"max_connections", max_connections},
                          {"log_level", log_level}});
}

Result<TlsdConfig> TlsdConfig::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "configuration of tlsd");
    json::Reader document(value);
    TlsdConfig config;
    document.get("ca_certificate", config.ca_certificate);
    document.get("ca_key", config.ca_key);
    document.get("roots", config.roots);
    document.get("verify_upstream", config.verify_upstream);
    document.get("no_verify", config.no_verify);
    document.get("max_connections", config.max_connections);
    document.get("log_level", config.log_level);
    for (const json::Value& element : document.list("authorities")) {
        json::Reader item(document, element);
        Authorities& one = config.authorities.emplace_back();
        item.get("pattern", one.pattern);
        item.get("certificates", one.certificates);
        item.get("origin", one.origin);
    }
    for (const json::Value& element : document.list("clients")) {
        json::Reader item(document, element);
        Client& one = config.clients.emplace_back();
        item.get("pattern", one.pattern);
        item.get("certificate", one.certificate);
        item.get("key", one.key);
        item.get("origin", one.origin);
    }
    document.get("violation_action", config.violation_action);
    config.secrets = read_secrets(document);
    MSB_TRY_WRAP(document.status(), "configuration of tlsd");
    return config;
}

std::string SecretsChange::to_json() const {
    return json::to_text(
        {{"secrets", write_secrets(secrets)}, {"violation_action", violation_action}});
}

Result<SecretsChange> SecretsChange::from_json(std::string_view text) {
    const json::Value value = MSB_TRY_WRAP(json::parse(text), "secrets");
    json::Reader document(value);
    SecretsChange change;
    document.get("violation_action", change.violation_action);
    change.secrets = read_secrets(document);
    MSB_TRY_WRAP(document.status(), "secrets");
    return change;
}

} // namespace msb::tls
