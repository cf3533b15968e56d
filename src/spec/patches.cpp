#include "spec/patches.hpp"

#include "base/bytes.hpp"
#include "base/closest.hpp"
#include "spec/paths.hpp"

#include <algorithm>
#include <charconv>
#include <climits>
#include <span>

namespace msb {

namespace {

/// A kind as documents have it, with its members.
struct Form {
    std::string_view word;
    Patch::Kind kind;
    Patch::Source expected;
    std::vector<std::string> members; ///< the first one says what it is about
};

const std::vector<Form>& forms() {
    using enum Patch::Kind;
    using enum Patch::Source;
    static const std::vector<Form> all = {
        {"text", file, any, {"path", "content", "mode", "replace"}},
        {"file", file, any, {"path", "content_base64", "content", "mode", "replace"}},
        {"append", append, any, {"path", "content", "content_base64"}},
        {"mkdir", mkdir, any, {"path", "mode"}},
        {"remove", remove, any, {"path"}},
        {"symlink", symlink, any, {"link", "target", "replace"}},
        {"copy", copy, any, {"dst", "src", "mode", "replace"}},
        {"copy_file", copy, Patch::Source::regular, {"dst", "src", "mode", "replace"}},
        {"copy_dir", copy, directory, {"dst", "src", "mode", "replace"}},
    };
    return all;
}

std::unexpected<Error> unknown_word(const std::string& what, const std::string& word,
                                    std::span<const std::string> known) {
    Error error(ErrorKind::invalid_argument, "unknown " + what + " '" + word + "'");
    if (const auto meant = closest(word, known))
        return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
    std::string list;
    for (const std::string& one : known)
        list += (list.empty() ? "" : ", ") + one;
    return fail(std::move(error).with_hint("there are: " + list));
}

Result<const Form*> patch_form(const std::string& word) {
    std::vector<std::string> words;
    for (const Form& form : forms()) {
        if (word == form.word)
            return &form;
        words.emplace_back(form.word);
    }
    return unknown_word("kind of patch", word, words);
}

/// In the guest.
Result<std::string> destination(std::string_view path) {
    const std::string shown = "patch destination '" + std::string(path) + "' ";
    if (!path.starts_with('/'))
        return invalid(shown + "must be absolute");
    if (leads_upwards(path))
        return invalid(shown + "may not contain '..'");
    if (path.size() >= PATH_MAX || path.find('\0') != std::string_view::npos)
        return invalid("a patch's destination is no path");
    std::string normal = normal_path(path);
    if (normal == "/")
        return invalid("a patch cannot replace the guest's root");
    return normal;
}

Result<std::string> patch_text(const json::Value& value, const std::string& member) {
    if (value.text() == nullptr)
        return invalid("'" + member + "' of a patch is not text");
    return *value.text();
}

/// Text of octal digits; a number is taken as it is.
Result<std::uint32_t> mode_from(const json::Value& value) {
    std::uint64_t mode = UINT64_MAX;
    if (const auto number = value.unsigned_integer())
        mode = *number;
    if (const std::string* text = value.text()) {
        const char* const end = text->data() + text->size();
        if (std::from_chars(text->data(), end, mode, 8).ptr != end || text->empty())
            mode = UINT64_MAX;
    }
    if (mode > 07777)
        return invalid("'mode' of a patch is octal digits up to 7777, as in \"0755\"");
    return static_cast<std::uint32_t>(mode);
}

Result<std::string> bytes_of(const json::Value& value) {
    const auto bytes = from_base64(MSB_TRY(patch_text(value, "content_base64")));
    if (!bytes)
        return invalid("'content_base64' of a patch is not base64");
    return std::string(as_text(*bytes));
}

/// All members but the kind.
Status read_member(Patch& patch, const Form& form, const std::string& key, const json::Value& value,
                   const std::string& directory) {
    if (key == form.members.front())
        patch.path = MSB_TRY(destination(MSB_TRY(patch_text(value, key))));
    else if (key == "content" || key == "target")
        patch.content = MSB_TRY(patch_text(value, key));
    else if (key == "content_base64")
        patch.content = MSB_TRY(bytes_of(value));
    else if (key == "src")
        patch.source = MSB_TRY(absolute_path(MSB_TRY(patch_text(value, key)), directory));
    else if (key == "mode")
        patch.mode = MSB_TRY(mode_from(value));
    else if (!value.boolean())
        return invalid("'replace' of a patch is neither true nor false");
    else
        patch.replace = *value.boolean();
    return {};
}

Result<Patch> read_patch(const json::Value& document, const std::string& directory) {
    // {kind: "mkdir", path: ...} or {mkdir: {path: ...}}
    const bool flat = document.contains("kind");
    if (!flat && document.members().size() != 1)
        return invalid("a patch is an object with one member, as in {mkdir: {path: /data}}");
    const std::string word = flat ? MSB_TRY(patch_text(*document.find("kind"), "kind"))
                                  : document.members().begin()->first;
    const Form& form = *MSB_TRY(patch_form(word));
    Patch patch{.kind = form.kind, .expected = form.expected};
    const json::Value& body = flat ? document : document.members().begin()->second;
    for (const auto& [key, value] : body.members()) {
        if ((flat && key == "kind") || value.is_null())
            continue;
        if (std::ranges::find(form.members, key) == form.members.end())
            return unknown_word("member of a patch '" + word + "':", key, form.members);
        MSB_TRY_WRAP(read_member(patch, form, key, value, directory), "patch '" + word + "'");
    }
    if (patch.path.empty())
        return invalid("a patch '" + word + "' has no '" + form.members.front() + "'");
    if (patch.kind == Patch::Kind::copy && patch.source.empty())
        return invalid("a patch '" + word + "' has no 'src'");
    if (patch.kind == Patch::Kind::symlink && patch.content.empty())
        return invalid("a patch 'symlink' has no 'target'");
    return patch;
}

} // namespace

std::string_view to_string(Patch::Kind kind) {
    for (const Form& form : forms())
        if (form.kind == kind)
            return form.word;
    return "?";
}

Result<Patch> parse_patch(std::string_view option, std::string_view text) {
    const std::string shown = "--" + std::string(option) + " '" + std::string(text) + "'";
    Patch patch;
    if (option == "mkdir" || option == "rm") {
        patch.kind = option == "rm" ? Patch::Kind::remove : Patch::Kind::mkdir;
        patch.path = MSB_TRY_WRAP(destination(text), shown);
        return patch;
    }
    const auto colon = text.rfind(":/");
    if (colon == std::string_view::npos || colon == 0)
        return invalid(shown + ": expected SOURCE:/DESTINATION");
    patch.kind = Patch::Kind::copy;
    patch.source = MSB_TRY(absolute_path(text.substr(0, colon)));
    patch.path = MSB_TRY_WRAP(destination(text.substr(colon + 1)), shown);
    patch.expected = option == "copy-file"  ? Patch::Source::regular
                     : option == "copy-dir" ? Patch::Source::directory
                                            : Patch::Source::any;
    return patch;
}

Result<std::vector<Patch>> read_patches(const json::Value& document, const std::string& directory) {
    if (!document.is_array())
        return invalid("patches are a list");
    std::vector<Patch> patches;
    for (const json::Value& element : document.elements())
        patches.push_back(MSB_TRY(read_patch(element, directory)));
    MSB_TRY(validate_patches(patches));
    return patches;
}

json::Value to_document(const std::vector<Patch>& patches) {
    json::Value document = json::array();
    for (const Patch& patch : patches) {
        const auto form = std::ranges::find_if(forms(), [&](const Form& one) {
            return one.kind == patch.kind && one.expected == patch.expected &&
                   one.word != "text"; // whose content is text
        });
        json::Value members = {{"kind", form->word}, {form->members.front(), patch.path}};
        if (patch.kind == Patch::Kind::file || patch.kind == Patch::Kind::append)
            members["content_base64"] = to_base64(as_bytes(patch.content));
        if (patch.kind == Patch::Kind::symlink)
            members["target"] = patch.content;
        if (patch.kind == Patch::Kind::copy)
            members["src"] = patch.source;
        if (patch.mode)
            members["mode"] = *patch.mode;
        if (patch.replace)
            members["replace"] = true;
        document.push_back(std::move(members));
    }
    return document;
}

Status validate_patches(const std::vector<Patch>& patches) {
    std::size_t bytes = 0;
    for (const Patch& patch : patches) {
        bytes += patch.content.size();
        for (const std::string* text : {&patch.path, &patch.source})
            if (valid_utf8_prefix(*text) != text->size())
                return invalid("a path of a patch is not UTF-8");
    }
    if (patches.size() > max_patches)
        return invalid("a sandbox can have " + std::to_string(max_patches) + " patches, not " +
                       std::to_string(patches.size()));
    if (bytes > max_patch_bytes)
        return invalid("the patches hold more than 16 MiB of content: use copies of files");
    return {};
}

} // namespace msb
