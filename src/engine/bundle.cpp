#include "base/closest.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "engine/engine.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <dirent.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

namespace msb::engine {

namespace {

constexpr std::size_t manifest_limit = 64 << 10;
constexpr int schema = 1;

/// A plain file name: no separators, no "..", nothing hidden.
bool is_file_name(const std::string& name) {
    return !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
}

Status require_file(const KernelBundle& bundle, const std::string& name) {
    if (!is_file_name(name))
        return fail(ErrorKind::corrupt, fmt::format("bad file name '{}'", name));
    const auto info = MSB_TRY(sys::stat(bundle.directory + "/" + name));
    if (!S_ISREG(info.st_mode))
        return fail(ErrorKind::corrupt, fmt::format("'{}' is not a file", name));
    return {};
}

Result<KernelBundle> parse_manifest(const std::string& text) {
    const json::Value value = MSB_TRY(json::parse(text));
    json::Reader document(value);
    const auto written = document.get<int>("schema");
    const auto engine = document.get<std::string>("engine");
    MSB_TRY(document.status());
    if (written != schema)
        return fail(ErrorKind::unsupported, "unknown schema");
    if (engine != "uml" && engine != "kvm")
        return fail(ErrorKind::unsupported, fmt::format("unknown engine '{}'", engine));
    KernelBundle bundle;
    document.get("name", bundle.name);
    bundle.engine = engine == "uml" ? EngineKind::uml : EngineKind::kvm;
    document.get("version", bundle.version);
    document.get("kernel", bundle.kernel);
    document.get_if_there("modules", bundle.modules);
    document.get_if_there("net_modules", bundle.net_modules);
    document.get_if_there("mounts_modules", bundle.mounts_modules);
    document.get_if_there("optional_modules", bundle.optional_modules);
    document.get_if_there("module_lists", bundle.module_lists);
    document.get_if_there("cmdline", bundle.cmdline);
    document.get_if_there("tuned", bundle.tuned);
    document.get_if_there("smp", bundle.smp);
    document.get_if_there("hash", bundle.hash);
    MSB_TRY(document.status());
    return bundle;
}

Result<KernelBundle> load(const std::string& directory) {
    const auto text = MSB_TRY(read_file(directory + "/manifest.json", manifest_limit));
    KernelBundle bundle = MSB_TRY_WRAP(parse_manifest(text), "manifest.json");
    bundle.directory = directory;
    MSB_TRY(require_file(bundle, bundle.kernel));
    for (const auto* list : {&bundle.modules, &bundle.net_modules, &bundle.mounts_modules,
                             &bundle.optional_modules, &bundle.module_lists})
        for (const std::string& module : *list)
            MSB_TRY(require_file(bundle, module));
    return bundle;
}

/// "7.2.13" -> {7, 2, 13}: versions compare as numbers.
std::vector<unsigned long> numbers(const std::string& version) {
    std::vector<unsigned long> result;
    for (const char* at = version.c_str(); *at >= '0' && *at <= '9';) {
        char* end = nullptr;
        result.push_back(std::strtoul(at, &end, 10));
        at = *end == '.' ? end + 1 : end;
    }
    return result;
}

/// The modules of a bundle are loaded from an initramfs that was made of them, so another bundle of
/// the same name does for the kernel alone.
Result<KernelBundle> load_by_path(const std::string& path, const FoundBundles& installed) {
    KernelBundle bundle = MSB_TRY(load_kernel_bundle(path));
    const bool has_modules =
        !bundle.modules.empty() || !bundle.net_modules.empty() || !bundle.mounts_modules.empty();
    if (has_modules && std::ranges::none_of(installed.bundles, [&](const KernelBundle& other) {
            return other.name == bundle.name && other.hash == bundle.hash;
        }))
        return fail(Error(ErrorKind::unsupported,
                          fmt::format("kernel bundle {} has modules, and this installation has no "
                                      "initramfs of them",
                                      path))
                        .with_hint("link it into share/microsandbox/kernels and build again"));
    return bundle;
}

std::unexpected<Error> no_such_kernel(std::string_view choice, std::vector<std::string> names) {
    Error error(ErrorKind::not_found,
                fmt::format("no kernel '{}': there is {}", choice, fmt::join(names, ", ")));
    if (const auto meant = closest(choice, names))
        return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
    return fail(std::move(error).with_hint("name one of them, or the path of a bundle's folder"));
}

} // namespace

std::string initramfs_name(const KernelBundle& bundle, Features features) {
    std::string name = bundle.name;
    if (features.net && !bundle.net_modules.empty())
        name += "+net";
    if (features.mounts && !bundle.mounts_modules.empty())
        name += "+mounts";
    return name + ".cpio";
}

Result<KernelBundle> load_kernel_bundle(const std::string& directory) {
    return MSB_TRY_WRAP(load(directory), fmt::format("kernel bundle {}", directory));
}

FoundBundles find_kernel_bundles(const std::string& kernels_directory) {
    FoundBundles found;
    DIR* directory = ::opendir(kernels_directory.c_str());
    if (directory == nullptr)
        return found;
    while (const dirent* entry = ::readdir(directory)) {
        if (entry->d_name[0] == '.')
            continue;
        auto bundle = load_kernel_bundle(kernels_directory + "/" + entry->d_name);
        if (bundle)
            found.bundles.push_back(std::move(*bundle));
        else
            found.broken.push_back(std::move(bundle).error());
    }
    ::closedir(directory);
    std::ranges::sort(found.bundles, [](const KernelBundle& a, const KernelBundle& b) {
        if (a.tuned != b.tuned)
            return a.tuned;
        const auto left = numbers(a.version), right = numbers(b.version);
        return left != right ? left > right : a.name < b.name;
    });
    return found;
}

Result<KernelBundle> choose_kernel_bundle(const std::string& kernels_directory, EngineKind engine,
                                          std::string_view choice) {
    FoundBundles found = find_kernel_bundles(kernels_directory);
    const auto fits = [&](const KernelBundle& bundle) -> Result<KernelBundle> {
        if (bundle.engine == engine)
            return bundle;
        return fail(ErrorKind::unsupported,
                    fmt::format("kernel '{}' is for the engine {}, not {}", choice,
                                to_string(bundle.engine), to_string(engine)));
    };
    if (choice.find('/') != std::string_view::npos)
        return fits(MSB_TRY(load_by_path(std::string(choice), found)));
    if (choice == auto_kernel)
        std::erase_if(found.bundles, [&](const auto& bundle) { return bundle.engine != engine; });
    if (found.bundles.empty()) {
        if (!found.broken.empty())
            return fail(Error(found.broken.front()).wrap("no usable kernel"));
        return fail(Error(ErrorKind::not_found, "no kernel in '" + kernels_directory + "'")
                        .with_hint("`make run` fetches one, `make kernel` builds the fast one"));
    }
    if (choice == auto_kernel)
        return found.bundles.front();
    const auto named = std::ranges::find(found.bundles, choice, &KernelBundle::name);
    if (named != found.bundles.end())
        return fits(*named);
    std::vector<std::string> names{std::string(auto_kernel)};
    for (const KernelBundle& bundle : found.bundles)
        names.push_back(bundle.name);
    return no_such_kernel(choice, std::move(names));
}

} // namespace msb::engine
