#include "ssh/job.hpp"

#include "base/bytes.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

namespace msb::ssh {

std::string Job::to_json() const {
    // Values of variables may be any bytes, text of JSON may not.
    json::Value variables = json::array();
    for (const std::string& variable : env)
        variables.push_back(to_base64(as_bytes(variable)));
    return json::to_text({{"host_key", host_key},
                          {"authorized", authorized},
                          {"env_b64", std::move(variables)},
                          {"shell", shell},
                          {"workdir", workdir},
                          {"user", user},
                          {"sftp", sftp},
                          {"inactivity_ms", inactivity_ms}});
}

Result<Job> Job::from_json(std::string_view text) {
    const json::Value document = MSB_TRY(json::parse(text));
    json::Reader reader(document);
    Job job{.host_key = reader.get<std::string>("host_key"),
            .shell = reader.get<std::string>("shell"),
            .workdir = reader.get<std::string>("workdir"),
            .user = reader.get<std::string>("user"),
            .sftp = reader.get<bool>("sftp"),
            .inactivity_ms = reader.get<std::uint64_t>("inactivity_ms")};
    for (const json::Value& key : reader.list("authorized"))
        if (const std::string* line = key.text())
            job.authorized.push_back(*line);
    for (const json::Value& variable : reader.list("env_b64"))
        if (const std::string* encoded = variable.text())
            if (const auto bytes = from_base64(*encoded))
                job.env.emplace_back(as_text(*bytes));
    MSB_TRY(reader.status());
    return job;
}

} // namespace msb::ssh
