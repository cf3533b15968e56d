// SSH for sandboxes.
#include "api/ssh_server.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_ssh_server_open(std::uint64_t sandbox, const char* options,
                                  std::uint64_t* server) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        if (server == nullptr)
            return api::fail(FailureKind::invalid_argument, "server is NULL");
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        const SshOptions chosen = MSB_TRY(ssh_options(options));
        *server = add_object(MSB_TRY(api::SshServer::prepare(*found, chosen)));
        return {};
    });
}

MSB_API char* msb_ssh_server_serve(std::uint64_t cancel, std::uint64_t server, std::int32_t input,
                                   std::int32_t output) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        const auto found = MSB_TRY(find<api::SshServer>(server));
        return found->serve(input, output, cancelling.get());
    });
}

MSB_API void msb_ssh_server_close(std::uint64_t server) {
    const PipeSignalGuard guard;
    if (const auto found = take<api::SshServer>(server))
        (*found)->close();
}
