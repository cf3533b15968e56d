#include "sandbox/metrics.hpp"

#include "base/system.hpp"
#include "image/user_config.hpp"
#include "json/reader.hpp"

#include <fcntl.h>

namespace msb {

namespace {

Status bad(std::string what) {
    return fail(ErrorKind::invalid_argument, std::move(what));
}

} // namespace

Result<MetricsConfig> MetricsConfig::read(const std::string& home) {
    const image::UserConfig file = MSB_TRY(image::read_user_config(home));
    return MSB_TRY_WRAP(parse(file.content), "configuration '" + file.path + "'");
}

Result<MetricsConfig> MetricsConfig::parse(const json::Value& configuration) {
    MetricsConfig config;
    if (const json::Value* metrics = configuration.find("metrics")) {
        const json::Value* const capacity = metrics->find("capacity");
        if (capacity != nullptr && (!json::read(*capacity, config.capacity) ||
                                    config.capacity > metrics::Registry::most_sandboxes))
            MSB_TRY(bad("metrics.capacity is a number of sandboxes, at most 65536"));
        if (config.capacity == 0)
            config.capacity = metrics::Registry::default_sandboxes;
    }
    const json::Value* const defaults = configuration.find("sandbox_defaults");
    if (defaults == nullptr)
        return config;
    if (const json::Value* interval = defaults->find("metrics_sample_interval_ms"))
        if (!json::read(*interval, config.interval_ms) ||
            (config.interval_ms != 0 && (config.interval_ms < least_metrics_interval_ms ||
                                         config.interval_ms > most_metrics_interval_ms)))
            MSB_TRY(bad("sandbox_defaults.metrics_sample_interval_ms is 0, or 100 to 86400000"));
    if (const json::Value* off = defaults->find("disable_metrics_sample")) {
        if (!off->is_boolean())
            MSB_TRY(bad("sandbox_defaults.disable_metrics_sample is true or false"));
        if (*off->boolean())
            config.interval_ms = 0;
    }
    return config;
}

metrics::Registry metrics_registry(const Home& home) {
    return {home.root(), [home](const std::string& name) {
                const std::string path = home.lifecycle_lock(name);
                const auto fd = sys::open(path, O_RDWR);
                if (!fd)
                    return fd.error().kind() != ErrorKind::not_found;
                return !sys::lock_shared(fd->get(), path);
            }};
}

} // namespace msb
