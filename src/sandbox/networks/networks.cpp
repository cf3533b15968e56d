#include "sandbox/networks/networks.hpp"

#include "base/closest.hpp"
#include "base/file.hpp"
#include "base/sha256.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"
#include "spec/spec.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <set>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr auto record_wait = 10s;
constexpr std::size_t most_record_bytes = 4096;
constexpr unsigned usual_bits = 24, least_bits = 24, most_bits = 29;
/// Of the pool 10.213.0.0/16, a number each.
constexpr unsigned subnets = 256;

Prefix subnet_of_pool(unsigned number) {
    return {IpAddress(Ipv4Bytes{10, 213, static_cast<std::uint8_t>(number), 0}), usual_bits};
}

bool overlap(const Prefix& one, const Prefix& other) {
    return one.contains(other.network) || other.contains(one.network);
}

/// The same name begins its search at the same place, so that it usually gets the same.
unsigned place_of(std::string_view name, unsigned count) {
    return load_be<std::uint32_t>(BytesView(sha256(as_bytes(name))).first(4)) % count;
}

Status check_subnet(const Prefix& subnet) {
    if (subnet.network.v6 || subnet.bits < least_bits || subnet.bits > most_bits)
        return invalid("invalid subnet " + subnet.to_string() +
                       " (expected an IPv4 prefix of 24 to 29 bits, e.g. 10.77.0.0/24)");
    const std::uint8_t first = subnet.network.bytes[0];
    if (first == 0 || first == 127 || first >= 224 ||
        (first == 169 && subnet.network.bytes[1] == 254))
        return invalid("invalid subnet " + subnet.to_string() +
                       ": these addresses have another meaning");
    return {};
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory, none))
        if (entry.path().extension() == ".json" &&
            validate_network_name(entry.path().stem().string()))
            names.push_back(entry.path().stem());
    std::ranges::sort(names);
    return names;
}

Result<Network> read_record(const std::string& name, std::string_view text) {
    const json::Value value = MSB_TRY(json::parse(text));
    json::Reader document(value);
    Network network{.name = name, .subnet = {}};
    if (document.get<std::uint64_t>("schema") != 1)
        document.complain("written by a newer msb");
    const auto subnet = Prefix::parse(document.get<std::string>("subnet"));
    if (!subnet || !check_subnet(*subnet))
        document.complain("no subnet");
    document.get("created_at_ns", network.created_at_ns);
    MSB_TRY(document.status());
    network.subnet = *subnet;
    return network;
}

} // namespace

std::string member_name(std::string sandbox) {
    std::ranges::transform(sandbox, sandbox.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return sandbox;
}

std::string Networks::record(const std::string& name) const {
    return home_.networks() + "/" + name + ".json";
}

Result<OwnedFd> Networks::lock(const std::string& name) const {
    const std::string directory = home_.networks() + "/.locks";
    MSB_TRY(make_directories(directory, 0700));
    const std::string path = directory + "/" + name + ".lock";
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    MSB_TRY(sys::lock_exclusive(fd.get(), record_wait, path));
    return fd;
}

Result<Prefix> Networks::free_subnet(const std::string& name) const {
    const auto others = MSB_TRY(list());
    const unsigned first = place_of(name, subnets);
    for (unsigned i = 0; i < subnets; ++i) {
        const Prefix subnet = subnet_of_pool((first + i) % subnets);
        if (std::ranges::none_of(
                others, [&](const Network& other) { return overlap(other.subnet, subnet); }))
            return subnet;
    }
    return fail(Error(ErrorKind::limit_exceeded, "no subnet of 10.213.0.0/16 is left")
                    .with_hint("give one with --subnet, or remove a network: msb network rm NAME"));
}

Result<Network> Networks::create(const std::string& name, const std::optional<Prefix>& subnet) {
    MSB_TRY(validate_network_name(name));
    if (subnet)
        MSB_TRY(check_subnet(*subnet));
    // Subnets are chosen one after the other, and then the name is taken.
    const OwnedFd choice = MSB_TRY(lock(".subnets"));
    const OwnedFd held = MSB_TRY(lock(name));
    if (exists(record(name)))
        return fail(Error(ErrorKind::already_exists, "network already exists: " + name)
                        .with_hint("choose another name, or remove it: msb network rm " + name));
    Network network{.name = name,
                    .subnet = subnet ? *subnet : MSB_TRY(free_subnet(name)),
                    .created_at_ns = unix_time_ns()};
    const json::Value document = {{"schema", 1},
                                  {"subnet", network.subnet.to_string()},
                                  {"created_at_ns", network.created_at_ns}};
    MSB_TRY(write_file_atomic(record(name), json::to_text(document, 2) + "\n", 0600));
    return network;
}

Result<Network> Networks::open(const std::string& name) const {
    MSB_TRY(validate_network_name(name));
    const auto text = read_file(record(name), most_record_bytes);
    if (!text && text.error().kind() != ErrorKind::not_found)
        return fail(text.error());
    if (!text) {
        Error error(ErrorKind::not_found, "network not found: " + name);
        const auto meant = closest(name, names_in(home_.networks()));
        return fail(std::move(error).with_hint(meant ? "did you mean '" + *meant + "'?"
                                                     : "make it: msb network create " + name));
    }
    return MSB_TRY_WRAP(read_record(name, *text), "network '" + name + "'");
}

Result<std::vector<Network>> Networks::list() const {
    std::vector<Network> networks;
    for (const std::string& name : names_in(home_.networks())) {
        auto network = open(name);
        if (network)
            networks.push_back(std::move(*network));
        else if (network.error().kind() != ErrorKind::not_found) // removed meanwhile
            return fail(std::move(network).error());
    }
    return networks;
}

Status Networks::remove(const std::string& name) {
    (void)MSB_TRY(open(name));
    const OwnedFd held = MSB_TRY(lock(name));
    if (const auto there = members(name); !there.empty())
        return fail(Error(ErrorKind::busy, "sandbox '" + there.front().sandbox +
                                               "' is in the network '" + name + "'")
                        .with_hint("remove it first: msb rm " + there.front().sandbox));
    MSB_TRY(sys::unlink(home_.switch_socket(name)));
    return sys::unlink(record(name));
}

Result<std::vector<std::string>> Networks::prune() {
    std::vector<std::string> removed;
    for (const Network& network : MSB_TRY(list())) {
        const Status done = remove(network.name);
        if (done)
            removed.push_back(network.name);
        else if (done.error().kind() != ErrorKind::busy &&
                 done.error().kind() != ErrorKind::not_found) // removed meanwhile
            return fail(done.error());
    }
    return removed;
}

/// A damaged specification is nobody's; its sandbox does not start.
std::vector<Networks::Member> Networks::members(const std::string& name) const {
    std::vector<Member> members;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(home_.sandboxes(), none)) {
        const std::string sandbox = entry.path().filename();
        const auto text =
            read_regular_file(SandboxFiles{home_.sandbox(sandbox)}.spec(), max_spec_bytes);
        const auto spec = text ? SandboxSpec::from_json(*text) : fail(text.error());
        if (spec && spec->network.joined.name == name && spec->name == sandbox)
            members.push_back({sandbox, spec->network.joined.address});
    }
    std::ranges::sort(members, {}, &Member::address);
    return members;
}

Result<OwnedFd> Networks::allot(const std::string& sandbox, JoinedNetwork& joined) const {
    OwnedFd held = MSB_TRY(lock(joined.name));
    const Network network = MSB_TRY(open(joined.name));
    std::set<IpAddress> taken;
    for (const Member& member : members(joined.name)) {
        if (member_name(member.sandbox) == member_name(sandbox))
            return fail(ErrorKind::already_exists, "'" + member.sandbox + "' is in the network '" +
                                                       joined.name + "', under the same name");
        taken.insert(member.address);
    }
    // Neither the first address nor the last, which mean the network and all of it.
    const unsigned last = (1U << (32 - network.subnet.bits)) - 1;
    for (unsigned number = 1; number < last; ++number) {
        IpAddress address = network.subnet.network;
        address.bytes[3] = static_cast<std::uint8_t>(address.bytes[3] + number);
        if (taken.contains(address))
            continue;
        joined.subnet = network.subnet;
        joined.address = address;
        return held;
    }
    return fail(Error(ErrorKind::limit_exceeded, "the network '" + joined.name + "' is full")
                    .with_hint("remove sandboxes that are not needed any more, or use another "
                               "network"));
}

} // namespace msb
