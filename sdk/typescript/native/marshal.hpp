// Arguments and results of the C functions as JavaScript values. What each parameter is follows
// from its type, by the conventions of microsandbox.h:
//
//   integer                      in: number or bigint
//   const char *                 in: string, or null
//   const uint8_t *, size_t      in: Uint8Array (copied: the caller may change or detach it), or
//   null char **                      out: string, or null uint64_t *                   out: bigint
//   uint8_t **, size_t *         out: Buffer, or null
//
// A call's result is the array [error or null, outs...]; that of a function which returns anything
// but an error is that value.
#pragma once

#include "library.hpp"

#include <cstring>
#include <node_api.h>
#include <optional>
#include <tuple>
#include <type_traits>
#include <vector>

namespace msb::node {

napi_value null_value(napi_env env);
napi_value text_value(napi_env env, const char* text);
bool read_integer(napi_env env, napi_value value, std::int64_t& number);
bool read_text(napi_env env, napi_value value, std::optional<std::string>& text);
bool read_bytes(napi_env env, napi_value value, std::vector<std::uint8_t>& bytes);

template <typename T> struct IntegerIn {
    T value = 0;
    bool read(napi_env env, napi_value from) {
        std::int64_t number = 0;
        if (!read_integer(env, from, number))
            return false;
        value = static_cast<T>(number);
        // 64-bit handles use all bits.
        return sizeof(T) == sizeof(number) || static_cast<std::int64_t>(value) == number;
    }
    T pass() const { return value; }
};

struct TextIn {
    std::optional<std::string> value;
    bool read(napi_env env, napi_value from) { return read_text(env, from, value); }
    const char* pass() const { return value ? value->c_str() : nullptr; }
};

struct BytesIn {
    std::vector<std::uint8_t> value;
    bool read(napi_env env, napi_value from) { return read_bytes(env, from, value); }
    const std::uint8_t* pass() const { return value.data(); }
    std::size_t size() const { return value.size(); }
};

struct TextOut {
    char* value = nullptr;
    TextOut() = default;
    TextOut(const TextOut&) = delete;
    TextOut& operator=(const TextOut&) = delete;
    ~TextOut() { symbol::free_string::address(value); }
    char** pass() { return &value; }
    napi_value write(napi_env env) const { return text_value(env, value); }
};

struct IntegerOut {
    std::uint64_t value = 0;
    std::uint64_t* pass() { return &value; }
    napi_value write(napi_env env) const {
        napi_value number = nullptr;
        napi_create_bigint_uint64(env, value, &number);
        return number;
    }
};

struct BytesOut {
    std::uint8_t* value = nullptr;
    std::size_t length = 0;
    BytesOut() = default;
    BytesOut(const BytesOut&) = delete;
    BytesOut& operator=(const BytesOut&) = delete;
    ~BytesOut() { symbol::free_bytes::address(value); }
    std::uint8_t** pass() { return &value; }
    std::size_t* size() { return &length; }
    napi_value write(napi_env env) const {
        if (value == nullptr)
            return null_value(env);
        napi_value buffer = nullptr;
        napi_create_buffer_copy(env, length, value, nullptr, &buffer);
        return buffer;
    }
};

/// The size that belongs to the bytes before it.
struct Size {};

template <typename T, typename Previous> auto slot_for() {
    if constexpr (std::is_same_v<Previous, const std::uint8_t*> ||
                  std::is_same_v<Previous, std::uint8_t**>)
        return std::type_identity<Size>();
    else if constexpr (std::is_same_v<T, const char*>)
        return std::type_identity<TextIn>();
    else if constexpr (std::is_same_v<T, const std::uint8_t*>)
        return std::type_identity<BytesIn>();
    else if constexpr (std::is_same_v<T, char**>)
        return std::type_identity<TextOut>();
    else if constexpr (std::is_same_v<T, std::uint64_t*>)
        return std::type_identity<IntegerOut>();
    else if constexpr (std::is_same_v<T, std::uint8_t**>)
        return std::type_identity<BytesOut>();
    else
        return std::type_identity<IntegerIn<T>>();
}

template <typename Previous, typename... Rest> struct SlotsOf {
    using Type = std::tuple<>;
};
template <typename Previous, typename First, typename... Rest>
struct SlotsOf<Previous, First, Rest...> {
    using Slot = typename decltype(slot_for<First, Previous>())::type;
    using Type = decltype(std::tuple_cat(std::declval<std::tuple<Slot>>(),
                                         std::declval<typename SlotsOf<First, Rest...>::Type>()));
};

/// One call of a function: arguments are read, it runs (in any thread), results are written.
template <typename Symbol, typename Type = typename Symbol::Type> class Invocation;

template <typename Symbol, typename Return, typename... Args>
class Invocation<Symbol, Return (*)(Args...)> {
  public:
    static constexpr std::size_t arity = sizeof...(Args);
    static constexpr bool returns_error = std::is_same_v<Return, char*>;

    bool read(napi_env env, const napi_value* values) { return read_from<0>(env, values); }

    void run() { run_with(std::index_sequence_for<Args...>()); }

    napi_value write(napi_env env) const {
        if constexpr (std::is_same_v<Return, const char*>)
            return text_value(env, returned_);
        else if constexpr (std::is_same_v<Return, std::uint64_t>)
            return IntegerOut{returned_}.write(env);
        else
            return write_results(env);
    }

    std::uint64_t first_integer() const { return std::get<0>(slots_).value; }

  private:
    using Slots = typename SlotsOf<void, Args...>::Type;

    template <std::size_t I> using Slot = std::tuple_element_t<I, Slots>;

    template <std::size_t I> bool read_from(napi_env env, const napi_value* values) {
        if constexpr (I == arity)
            return true;
        else if constexpr (requires(Slot<I> slot) { slot.read(env, *values); })
            return std::get<I>(slots_).read(env, *values) && read_from<I + 1>(env, values + 1);
        else
            return read_from<I + 1>(env, values);
    }

    template <std::size_t I> auto pass() {
        if constexpr (std::is_same_v<Slot<I>, Size>)
            return std::get<I - 1>(slots_).size();
        else
            return std::get<I>(slots_).pass();
    }

    template <std::size_t... I> void run_with(std::index_sequence<I...> /*unused*/) {
        if constexpr (std::is_void_v<Return>)
            Symbol::address(pass<I>()...);
        else if constexpr (returns_error)
            error_.value = Symbol::address(pass<I>()...);
        else
            returned_ = Symbol::address(pass<I>()...);
    }

    napi_value write_results(napi_env env) const {
        napi_value array = nullptr;
        if (napi_create_array(env, &array) != napi_ok)
            return nullptr;
        std::uint32_t index = 0;
        bool complete = true;
        const auto add = [&](const auto& slot) {
            if constexpr (requires { slot.write(env); }) {
                napi_value value = slot.write(env);
                complete = complete && value != nullptr &&
                           napi_set_element(env, array, index++, value) == napi_ok;
            }
        };
        add(error_);
        std::apply([&](const auto&... slot) { (add(slot), ...); }, slots_);
        return complete ? array : nullptr;
    }

    Slots slots_;
    TextOut error_;
    [[no_unique_address]] std::conditional_t<std::is_void_v<Return>, Size, Return> returned_{};
};

} // namespace msb::node
