// Makes tars for tests, good and bad ones: every field can be set by hand.
#pragma once

#include "base/bytes.hpp"

#include <fmt/core.h>
#include <string>
#include <utility>
#include <vector>

namespace msb::image::testing {

struct TarItem {
    std::string path;
    char type = '0';
    std::string data;
    std::string link;
    unsigned mode = 0644;
    unsigned uid = 0;
    unsigned gid = 0;
    std::int64_t mtime = 1'700'000'000;
    unsigned major = 0;
    unsigned minor = 0;
    std::vector<std::pair<std::string, std::string>> pax; ///< Written as an 'x' header before it.
};

class TarBuilder {
  public:
    TarBuilder& add(const TarItem& item) {
        if (!item.pax.empty()) {
            std::string records;
            for (const auto& [key, value] : item.pax)
                records += record(key, value);
            append({.path = "PaxHeaders/x", .type = 'x', .data = records});
        }
        append(item);
        return *this;
    }
    TarBuilder& file(const std::string& path, const std::string& data = "") {
        return add({.path = path, .data = data});
    }
    TarBuilder& directory(const std::string& path, unsigned mode = 0755) {
        return add({.path = path, .type = '5', .mode = mode});
    }
    TarBuilder& symlink(const std::string& path, const std::string& target) {
        return add({.path = path, .type = '2', .link = target, .mode = 0777});
    }
    TarBuilder& hard_link(const std::string& path, const std::string& target) {
        return add({.path = path, .type = '1', .link = target});
    }
    /// With the two zero blocks at the end.
    std::string finish() const { return bytes_ + std::string(1024, '\0'); }
    /// Without them.
    const std::string& bytes() const { return bytes_; }

    static std::string record(const std::string& key, const std::string& value) {
        const std::string rest = " " + key + "=" + value + "\n";
        std::size_t length = rest.size() + 1;
        while (std::to_string(length).size() + rest.size() != length)
            ++length;
        return std::to_string(length) + rest;
    }

  private:
    void append(const TarItem& item) {
        std::string header(512, '\0');
        const auto put = [&](std::size_t at, const std::string& text) {
            header.replace(at, text.size(), text);
        };
        put(0, item.path.substr(0, 100));
        put(100, fmt::format("{:07o}", item.mode));
        put(108, fmt::format("{:07o}", item.uid));
        put(116, fmt::format("{:07o}", item.gid));
        put(124, fmt::format("{:011o}", item.data.size()));
        put(136, fmt::format("{:011o}", item.mtime));
        put(148, "        ");
        header[156] = item.type;
        put(157, item.link.substr(0, 100));
        put(257, std::string("ustar\0"
                             "00",
                             8));
        put(329, fmt::format("{:07o}", item.major));
        put(337, fmt::format("{:07o}", item.minor));
        unsigned sum = 0;
        for (const char c : header)
            sum += static_cast<unsigned char>(c);
        put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
        bytes_ += header + item.data;
        bytes_.resize((bytes_.size() + 511) / 512 * 512);
    }
    std::string bytes_;
};

} // namespace msb::image::testing
