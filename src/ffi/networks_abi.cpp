// Private networks.
#include "api/networks.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_network_create(const char* name, const char* options, char** result) {
    return call_on(0, name, [&](const std::string& network, api::Cancel*) -> Outcome<void> {
        Options given(options);
        const std::string subnet = given.text("subnet");
        MSB_TRY(given.done());
        give(result, network_document(MSB_TRY(api::create_network(network, subnet))));
        return {};
    });
}

MSB_API char* msb_network_get(const char* name, char** result) {
    return call_on(0, name, [&](const std::string& network, api::Cancel*) -> Outcome<void> {
        give(result, network_document(MSB_TRY(api::get_network(network))));
        return {};
    });
}

MSB_API char* msb_network_list(char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        json::Value list = json::array();
        for (const NetworkView& view : MSB_TRY(api::list_networks()))
            list.push_back(network_document(view));
        give(result, list);
        return {};
    });
}

MSB_API char* msb_network_prune(char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        json::Value names = json::array();
        for (const std::string& name : MSB_TRY(api::prune_networks()))
            names.push_back(name);
        give(result, names);
        return {};
    });
}

MSB_API char* msb_network_remove(const char* name) {
    return call_on(0, name, [&](const std::string& network, api::Cancel*) -> Outcome<void> {
        return api::remove_network(network);
    });
}
