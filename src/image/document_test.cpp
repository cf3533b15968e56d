#include "image/document.hpp"
#include "image/testing/support.hpp"

namespace msb::image {
namespace {

const Platform amd64{"linux", "amd64", ""};
const std::string a(64, 'a'), b(64, 'b'), c(64, 'c');

Json json(const std::string& text) {
    return *parse_json_object(text, "test");
}

std::string manifest_text(int layers) {
    std::string list;
    for (int i = 0; i < layers; ++i)
        list +=
            (i ? "," : "") + ("{\"mediaType\":\"t\",\"size\":5,\"digest\":\"sha256:" + b + "\"}");
    return R"({"schemaVersion":2,"config":{"digest":"sha256:)" + a + R"(","size":3},"layers":[)" +
           list + "]}";
}

std::string config_text(const std::string& arch, int layers) {
    std::string list;
    for (int i = 0; i < layers; ++i)
        list += (i ? "," : "") + ("\"sha256:" + c + "\"");
    return R"({"os":"linux","architecture":")" + arch + R"(","created":"2024-01-02T03:04:05Z",
        "config":{"Env":["A=b"],"Cmd":["/bin/sh"],"Entrypoint":null,"User":"me","Labels":{"k":"v"},
        "WorkingDir":"/w","StopSignal":"SIGINT"},"rootfs":{"diff_ids":[)" +
           list + "]}}";
}

TEST(Document, JoinsManifestAndConfiguration) {
    MSB_ASSERT_OK(manifest, parse_manifest(json(manifest_text(2))));
    MSB_ASSERT_OK(plan, make_plan(manifest, manifest_text(2), config_text("amd64", 2), amd64));
    EXPECT_EQ(plan.layers.size(), 2u);
    EXPECT_EQ(plan.layers[0].diff_id.hex(), c);
    EXPECT_EQ(plan.layers[0].blob_digest.hex(), b);
    EXPECT_EQ(plan.configuration.config.env, std::vector<std::string>{"A=b"});
    EXPECT_EQ(plan.configuration.config.stop_signal, "SIGINT");
    EXPECT_TRUE(plan.configuration.config.entrypoint.empty());
    MSB_ASSERT_OK(copy, decode_plan(encode(plan)));
    EXPECT_EQ(encode(copy), encode(plan));
    EXPECT_EQ(copy.manifest, plan.manifest);
}

TEST(Document, RefusesMembersOfAnotherType) {
    const auto with = [](const std::string& config) {
        return parse_configuration(json(R"({"os":"linux","config":)" + config + "}"));
    };
    for (const char* config : {R"({"Env":"A=b"})", R"({"Env":["A=b",7]})", R"({"Env":{"A":"b"}})",
                               R"({"User":1000})", R"({"Cmd":[["sh"]]})", R"({"Entrypoint":7})",
                               R"({"WorkingDir":["/"]})", R"({"StopSignal":15})"}) {
        const auto parsed = with(config);
        ASSERT_FALSE(parsed) << config;
        EXPECT_EQ(parsed.error().kind(), ErrorKind::corrupt) << config;
    }
    MSB_ASSERT_OK(parsed, with(R"({"Env":null,"Cmd":"sh","User":null})"));
    EXPECT_EQ(parsed.config.cmd, std::vector<std::string>{"sh"});
    EXPECT_TRUE(parsed.config.env.empty());
    EXPECT_TRUE(with("null"));
    EXPECT_FALSE(with("[]"));
}

TEST(Document, RefusesDisagreement) {
    MSB_ASSERT_OK(manifest, parse_manifest(json(manifest_text(2))));
    const auto counts = make_plan(manifest, "", config_text("amd64", 1), amd64);
    EXPECT_EQ(counts.error().kind(), ErrorKind::corrupt);
    const auto platform = make_plan(manifest, "", config_text("arm64", 2), amd64);
    EXPECT_EQ(platform.error().kind(), ErrorKind::unsupported);
}

TEST(Document, RefusesMalformedManifests) {
    for (const std::string& text :
         {std::string("{}"), std::string(R"({"schemaVersion":1})"),
          std::string(R"({"schemaVersion":2,"config":{"digest":"sha256:../../x"},"layers":[]})"),
          R"({"schemaVersion":2,"config":{"digest":"sha256:)" + a + R"("}})",
          R"({"schemaVersion":2,"config":{"digest":"sha256:)" + a + R"("},"layers":[7]})",
          manifest_text(513)})
        EXPECT_FALSE(parse_manifest(json(text))) << text.substr(0, 100);
    EXPECT_FALSE(parse_json_object("[1]", "x"));
    EXPECT_FALSE(parse_json_object("{\"a\":", "x"));
    EXPECT_FALSE(parse_json_object("{\"a\":" + std::string(100000, '['), "x"));
}

TEST(Document, ChoosesThePlatform) {
    const auto entry = [](const std::string& digest, const std::string& rest) {
        return R"({"digest":"sha256:)" + digest + "\"" + rest + "}";
    };
    const auto platform = [](const std::string& os, const std::string& arch,
                             const std::string& variant = "") {
        return R"(,"platform":{"os":")" + os + R"(","architecture":")" + arch + R"(","variant":")" +
               variant + "\"}";
    };
    const std::string attestation =
        R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})";
    MSB_ASSERT_OK(entries,
                  parse_index(json("{\"manifests\":[" + entry(a, platform("linux", "arm64")) + "," +
                                   entry(b, platform("linux", "amd64", "v3")) + "," +
                                   entry(c, platform("linux", "amd64")) + "," +
                                   entry(a, platform("unknown", "unknown")) + "," +
                                   entry(a, attestation) + "]}")));
    const auto chosen = [&](const char* text) {
        const IndexEntry* entry = choose_platform(entries, *Platform::parse(text));
        return entry ? entry->descriptor.digest.hex() : "none";
    };
    EXPECT_EQ(chosen("linux/amd64"), c);
    EXPECT_EQ(chosen("linux/amd64/v3"), b);
    EXPECT_EQ(chosen("linux/amd64/v2"), c);
    EXPECT_EQ(chosen("linux/arm64"), a);
    EXPECT_EQ(chosen("linux/arm64/v8"), a);
    EXPECT_EQ(chosen("linux/riscv64"), "none");
    EXPECT_EQ(platforms_of(entries), "linux/amd64, linux/amd64/v3, linux/arm64");
    EXPECT_EQ(platforms_of({}), "none");
}

TEST(Platform, IsParsed) {
    EXPECT_EQ(Platform::parse("linux/arm/v7")->to_string(), "linux/arm/v7");
    EXPECT_EQ(Platform::parse("arm64")->to_string(), "linux/arm64");
    for (const char* bad :
         {"", "/", "linux/", "linux/a/b/c", "linux/a b", "LINUX/amd64", "linux//v8"})
        EXPECT_EQ(Platform::parse(bad).error().kind(), ErrorKind::invalid_argument) << bad;
    EXPECT_EQ(Platform::parse("windows/amd64").error().kind(), ErrorKind::unsupported);
}

} // namespace
} // namespace msb::image
