#include "marshal.hpp"

namespace msb::node {

napi_value null_value(napi_env env) {
    napi_value value = nullptr;
    napi_get_null(env, &value);
    return value;
}

napi_value text_value(napi_env env, const char* text) {
    if (text == nullptr)
        return null_value(env);
    napi_value value = nullptr;
    napi_create_string_utf8(env, text, std::strlen(text), &value);
    return value;
}

namespace {

bool is_nothing(napi_env env, napi_value value) {
    napi_valuetype type = napi_undefined;
    return napi_typeof(env, value, &type) == napi_ok &&
           (type == napi_undefined || type == napi_null);
}

} // namespace

bool read_integer(napi_env env, napi_value value, std::int64_t& number) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, value, &type);
    if (type == napi_bigint) {
        std::uint64_t handle = 0;
        bool lossless = false;
        napi_get_value_bigint_uint64(env, value, &handle, &lossless);
        number = static_cast<std::int64_t>(handle);
        return lossless;
    }
    double real = 0;
    return type == napi_number && napi_get_value_double(env, value, &real) == napi_ok &&
           napi_get_value_int64(env, value, &number) == napi_ok &&
           static_cast<double>(number) == real;
}

bool read_text(napi_env env, napi_value value, std::optional<std::string>& text) {
    if (is_nothing(env, value))
        return true;
    std::size_t length = 0;
    if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok)
        return false;
    std::string content(length + 1, '\0');
    if (napi_get_value_string_utf8(env, value, content.data(), content.size(), &length) != napi_ok)
        return false;
    content.resize(length);
    // The C side would see less than what was said.
    if (content.find('\0') != std::string::npos)
        return false;
    text = std::move(content);
    return true;
}

bool read_bytes(napi_env env, napi_value value, std::vector<std::uint8_t>& bytes) {
    if (is_nothing(env, value))
        return true;
    bool typed = false;
    napi_is_typedarray(env, value, &typed);
    napi_typedarray_type type = napi_int8_array;
    std::size_t length = 0;
    void* data = nullptr;
    if (!typed ||
        napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
        type != napi_uint8_array)
        return false;
    if (length > 0)
        bytes.assign(static_cast<const std::uint8_t*>(data),
                     static_cast<const std::uint8_t*>(data) + length);
    return true;
}

} // namespace msb::node
