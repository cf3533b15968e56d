#include "json/reader.hpp"

#include <gtest/gtest.h>

using namespace msb;
using json::Value;

namespace {

/// What a document without fault gives, or the complaint.
template <typename Read> std::string complaint(const Value& value, Read read) {
    json::Reader document(value);
    read(document);
    const Status status = document.status();
    return status ? "" : status.error().to_string();
}

template <typename T> std::string complaint_of(const Value& member) {
    return complaint({{"a", member}}, [](json::Reader& document) { document.get<T>("a"); });
}

} // namespace

TEST(JsonReader, ReadsWhatIsThere) {
    const Value value = {{"flag", true},
                         {"text", "t"},
                         {"numbers", json::array({1, 255})},
                         {"texts", {{"k", "v"}}},
                         {"nothing", nullptr},
                         {"inner", {{"deep", -5}}},
                         {"list", json::array({Value({{"n", 1}}), Value({{"n", 2}})})}};
    json::Reader document(value);
    EXPECT_TRUE(document.get<bool>("flag"));
    EXPECT_EQ(document.get<std::string>("text"), "t");
    EXPECT_EQ(document.get<std::vector<std::uint8_t>>("numbers"),
              (std::vector<std::uint8_t>{1, 255}));
    EXPECT_EQ((document.get<std::map<std::string, std::string>>("texts").at("k")), "v");
    EXPECT_EQ(document.get<std::optional<int>>("nothing"), std::nullopt);
    json::Reader inner(document, "inner");
    EXPECT_EQ(inner.get<int>("deep"), -5);
    int sum = 0;
    for (const Value& element : document.list("list")) {
        json::Reader item(document, element);
        sum += item.get<int>("n");
    }
    EXPECT_EQ(sum, 3);
    int kept = 9;
    document.get_if_there("absent", kept);
    EXPECT_EQ(kept, 9);
    EXPECT_TRUE(document.status());
}

TEST(JsonReader, SaysWhatIsWrong) {
    EXPECT_EQ(complaint({}, [](json::Reader&) {}), "not an object");
    EXPECT_EQ(complaint(json::object(), [](json::Reader& document) { document.get<int>("a"); }),
              "'a' is missing");
    const std::string wrong = "'a' has another type or is out of range";
    EXPECT_EQ(complaint_of<int>("1"), wrong);
    EXPECT_EQ(complaint_of<int>(true), wrong);
    EXPECT_EQ(complaint_of<int>(1.0), wrong);
    EXPECT_EQ(complaint_of<int>(nullptr), wrong);
    EXPECT_EQ(complaint_of<bool>(1), wrong);
    EXPECT_EQ(complaint_of<std::uint8_t>(256), wrong);
    EXPECT_EQ(complaint_of<unsigned>(-1), wrong);
    EXPECT_EQ(complaint_of<std::string>(json::array()), wrong);
    EXPECT_EQ(complaint_of<std::vector<std::string>>("a"), wrong);
    EXPECT_EQ(complaint_of<std::vector<std::string>>(json::array({"a", 1})), wrong);
    EXPECT_EQ((complaint_of<std::map<std::string, std::string>>({{"k", 1}})), wrong);
    EXPECT_EQ(complaint_of<std::optional<int>>("1"), wrong);
}

TEST(JsonReader, TheFirstComplaintCountsWhereverItIs) {
    const Value value = {{"inner", {{"n", "text"}}}, {"list", json::array({1})}, {"other", 1}};
    EXPECT_EQ(complaint(value,
                        [](json::Reader& document) {
                            json::Reader inner(document, "inner");
                            inner.get<int>("n");
                            document.get<int>("absent");
                        }),
              "'inner.n' has another type or is out of range");
    EXPECT_EQ(complaint(value,
                        [](json::Reader& document) {
                            for (const Value& element : document.list("list"))
                                json::Reader(document, element).get<int>("n");
                        }),
              "an element of a list is not an object");
    EXPECT_EQ(complaint(value,
                        [](json::Reader& document) {
                            json::Reader inner(document, "other");
                            inner.get<int>("n");
                        }),
              "'other' has another type or is out of range");
    EXPECT_EQ(complaint(value, [](json::Reader& document) { document.list("other"); }),
              "'other' has another type or is out of range");
}
