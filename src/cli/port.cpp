// msb port: where a sandbox's published ports are.
#include "base/address.hpp"
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "cli/parser.hpp"
#include "json/text.hpp"
#include "sandbox/sandboxes.hpp"

#include <memory>
#include <optional>

namespace msb::cli {

namespace {

struct PortOptions {
    std::string name;
    std::string guest;
    std::string format;
};

/// A port of the guest, "80" or "53/udp".
struct GuestPortOption {
    std::uint16_t port = 0;
    std::optional<bool> udp;

    static Result<GuestPortOption> parse(std::string_view text) {
        GuestPortOption wanted;
        const auto slash = text.find('/');
        const std::string_view protocol =
            slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
        if (slash != std::string_view::npos)
            wanted.udp = protocol == "udp";
        const auto port = parse_port(text.substr(0, slash));
        if (!port || *port == 0 || (wanted.udp && protocol != "udp" && protocol != "tcp"))
            return fail(ErrorKind::invalid_argument,
                        "invalid port '" + std::string(text) + "' (expected PORT[/tcp|udp])");
        wanted.port = *port;
        return wanted;
    }
    bool matches(const PublishedPort& published) const {
        return published.guest == port && udp.value_or(published.udp) == published.udp;
    }
};

std::string host_end(const PublishedPort& port) {
    const std::string arrow = port.to_arrow();
    return arrow.substr(0, arrow.find("->"));
}

std::string guest_end(const PublishedPort& port) {
    return std::to_string(port.guest) + (port.udp ? "/udp" : "/tcp");
}

Status show_ports(Context& context, const PortOptions& options) {
    std::optional<GuestPortOption> wanted;
    if (!options.guest.empty())
        wanted = MSB_TRY(GuestPortOption::parse(options.guest));
    auto sandboxes =
        MSB_TRY(Sandboxes::open(MSB_TRY(context.home()), MSB_TRY(context.installation())));
    const SandboxView view = MSB_TRY(sandboxes.get(options.name));
    std::vector<PublishedPort> ports = view.published();
    if (wanted)
        std::erase_if(ports, [&](const PublishedPort& port) { return !wanted->matches(port); });
    if (wanted && ports.empty())
        return fail(ErrorKind::not_found,
                    "sandbox '" + options.name + "' does not publish port " + options.guest);
    json::Value list = json::array();
    for (const PublishedPort& port : ports) {
        // Which one a port 0 is, is known while the sandbox runs.
        list.push_back({{"bind", port.bind},
                        {"host_port", port.host == 0 ? json::Value() : json::Value(port.host)},
                        {"guest_port", port.guest},
                        {"protocol", port.udp ? "udp" : "tcp"}});
        if (options.format.empty())
            (void)print((wanted ? "" : guest_end(port) + " -> ") + host_end(port) + "\n");
    }
    if (!options.format.empty())
        (void)print(json::to_text(list, 2) + "\n");
    return {};
}

} // namespace

void add_port(Command& parent, Context& context) {
    parent.add(
        "port", "Where a sandbox's published ports are on this machine", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<PortOptions>();
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.option("port", &options->guest, "Only this port of the guest: PORT[/tcp|udp]");
            command.option("--format", &options->format, "Output format").one_of({"json"});
            command.action([&context, options] {
                run_command(context, [&] { return show_ports(context, *options); });
            });
        });
}

} // namespace msb::cli
