// Metrics on the host's side: the registry of a home, and what the user's config.json says about them:
//
//   {"metrics": {"capacity": 1024}, "sandbox_defaults": {"metrics_sample_interval_ms": 1000,
//                                                        "disable_metrics_sample": false}}
#pragma once

#include "base/result.hpp"
#include "metrics/registry.hpp"
#include "sandbox/home.hpp"
#include "spec/spec.hpp"

namespace msb {

struct MetricsConfig {
    std::uint32_t interval_ms = default_metrics_interval_ms; ///< 0: none are taken
    std::uint32_t capacity = metrics::Registry::default_sandboxes;

    /// Of the user's configuration in `home`.
    static Result<MetricsConfig> read(const std::string& home);
    static Result<MetricsConfig> parse(const json::Value& configuration);
};

/// Its owners live for as long as their lifecycle locks are held.
metrics::Registry metrics_registry(const Home& home);

} // namespace msb
