// The functions of libmicrosandbox.so for JavaScript, one to one under their names without "msb_".
// What blocks returns a promise. src/native.ts says what each takes and gives; nothing else calls
// this.
#include "environment.hpp"
#include "marshal.hpp"

#include <array>

namespace msb::node {

namespace {

template <typename Symbol, bool cancellable> class CallOf : public Call {
  public:
    bool read(napi_env env, const napi_value* values) { return invocation_.read(env, values); }
    void run() override { invocation_.run(); }
    napi_value result(napi_env env) override { return invocation_.write(env); }
    std::uint64_t cancel_number() const override {
        if constexpr (cancellable)
            return invocation_.first_integer();
        else
            return 0;
    }

  private:
    Invocation<Symbol> invocation_;
};

/// No exception of C++ may reach JavaScript's engine; there is only the one of no memory.
template <typename Body> napi_value guarded(napi_env env, Body body) noexcept {
    try {
        return body();
    } catch (const std::exception& error) {
        napi_throw_error(env, nullptr, error.what());
        return nullptr;
    }
}

/// The arguments of a JavaScript call; those that were not given are undefined.
template <std::size_t N>
std::array<napi_value, N + 1> arguments(napi_env env, napi_callback_info info, void** data) {
    std::array<napi_value, N + 1> values{};
    std::size_t count = N;
    napi_get_cb_info(env, info, &count, values.data(), nullptr, data);
    return values;
}

napi_value refuse(napi_env env, const char* function) {
    napi_throw_type_error(env, nullptr, (std::string("bad argument of ") + function).c_str());
    return nullptr;
}

napi_value not_loaded(napi_env env) {
    napi_throw_error(env, nullptr, "the library is not loaded");
    return nullptr;
}

Environment& environment_of(void* data) {
    return *static_cast<Environment*>(data);
}

template <typename Symbol, bool cancellable>
napi_value start(napi_env env, napi_callback_info info) {
    if (Symbol::address == nullptr)
        return not_loaded(env);
    return guarded(env, [&]() -> napi_value {
        void* data = nullptr;
        const auto values = arguments<Invocation<Symbol>::arity>(env, info, &data);
        auto call = std::make_unique<CallOf<Symbol, cancellable>>();
        if (!call->read(env, values.data()))
            return refuse(env, Symbol::name);
        return environment_of(data).start(env, std::move(call));
    });
}

template <typename Symbol> napi_value immediate(napi_env env, napi_callback_info info) {
    if (Symbol::address == nullptr)
        return not_loaded(env);
    return guarded(env, [&]() -> napi_value {
        const auto values = arguments<Invocation<Symbol>::arity>(env, info, nullptr);
        Invocation<Symbol> invocation;
        if (!invocation.read(env, values.data()))
            return refuse(env, Symbol::name);
        invocation.run();
        return invocation.write(env);
    });
}

napi_value load(napi_env env, napi_callback_info info) {
    const auto values = arguments<1>(env, info, nullptr);
    std::optional<std::string> path;
    if (!read_text(env, values[0], path) || !path)
        return refuse(env, "load");
    if (const std::string problem = load_library(*path); !problem.empty())
        napi_throw_error(env, nullptr, problem.c_str());
    return nullptr;
}

napi_value close(napi_env env, napi_callback_info info) {
    void* data = nullptr;
    arguments<0>(env, info, &data);
    environment_of(data).close();
    return nullptr;
}

void add(napi_env env, napi_value exports, const char* name, napi_callback callback,
         Environment* environment) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, environment, &function);
    napi_set_named_property(env, exports, name, function);
}

napi_value initialize(napi_env env, napi_value exports) {
    auto environment = Environment::create(env);
    if (environment == nullptr)
        return nullptr;
#define MSB_NODE_ADD_CANCELLABLE(function)                                                         \
    add(env, exports, #function, start<symbol::function, true>, environment.get());
#define MSB_NODE_ADD_BLOCKING(function)                                                            \
    add(env, exports, #function, start<symbol::function, false>, environment.get());
#define MSB_NODE_ADD_IMMEDIATE(function)                                                           \
    add(env, exports, #function, immediate<symbol::function>, environment.get());
    MSB_NODE_CANCELLABLE(MSB_NODE_ADD_CANCELLABLE)
    MSB_NODE_BLOCKING(MSB_NODE_ADD_BLOCKING)
    MSB_NODE_IMMEDIATE(MSB_NODE_ADD_IMMEDIATE)
    add(env, exports, "load", load, environment.get());
    add(env, exports, "close", close, environment.get());
    // Added after the environment's own function, and so run before that is torn down.
    napi_add_env_cleanup_hook(
        env,
        [](void* data) {
            const std::unique_ptr<std::shared_ptr<Environment>> owner(
                static_cast<std::shared_ptr<Environment>*>(data));
            (*owner)->close();
        },
        new std::shared_ptr<Environment>(environment));
    return exports;
}

} // namespace

} // namespace msb::node

NAPI_MODULE_INIT() {
    return msb::node::initialize(env, exports);
}
