// --secret, and files of --secret-conf. What is read is what it says when it is written and read again.
#include "json/text.hpp"
#include "json/yaml.hpp"
#include "spec/secret_spec.hpp"

#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto same = [](const msb::SecretSpec& secret) {
        const auto again = msb::read_secrets(msb::to_document(std::vector{secret}));
        if (!again || again->size() != 1)
            std::abort();
    };
    if (const auto secret = msb::parse_secret(text))
        same(*secret);
    const auto document = msb::json::parse_yaml(text);
    if (const auto secrets = document ? msb::read_secrets_file(*document)
                                      : msb::Result<msb::SecretsSpec>(msb::fail(document.error())))
        for (const msb::SecretSpec& secret : secrets->list)
            same(secret);
    return 0;
}
