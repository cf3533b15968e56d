#include "cli/context.hpp"

#include "cli/output.hpp"

namespace msb::cli {

Result<Home> Context::home() {
    if (!home_) {
        Home home = MSB_TRY(Home::from_environment());
        MSB_TRY(home.prepare());
        home_ = std::move(home);
    }
    return *home_;
}

void report(Context& context, const Error& error) {
    print_error(error);
    context.exit_code = exit_failure;
}

} // namespace msb::cli
