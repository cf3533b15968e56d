#include "cli/complete.hpp"

#include <algorithm>

namespace msb::cli {

namespace {

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

bool has_name(const OptionDescription& option, std::string_view name) {
    return !option.positional && std::ranges::find(option.names, name) != option.names.end();
}

/// Where the word that is typed stands.
struct Place {
    Command* command = nullptr;
    CommandDescription described{};
    std::vector<OptionDescription> flags{};   ///< of the command, and what all commands take
    std::size_t operands = 0;                 ///< of the command, before the word
    const OptionDescription* wants = nullptr; ///< the option before the word, if it takes a value
    bool command_line = false;                ///< behind "--"

    void enter(Command& entered, const std::vector<OptionDescription>& global) {
        command = &entered;
        described = entered.describe();
        operands = 0;
        flags = described.options;
        std::erase_if(flags, &OptionDescription::positional);
        for (const OptionDescription& option : global)
            if (!find_flag(option.names.back()))
                flags.push_back(option);
    }

    const OptionDescription* find_flag(std::string_view name) const {
        const auto found = std::ranges::find_if(
            flags, [&](const OptionDescription& option) { return has_name(option, name); });
        return found == flags.end() ? nullptr : &*found;
    }

    /// The last one may be a list.
    const OptionDescription* operand() const {
        const OptionDescription* last = nullptr;
        std::size_t place = 0;
        for (const OptionDescription& option : described.options)
            if (option.positional) {
                if (place++ == operands)
                    return &option;
                last = &option;
            }
        return last != nullptr && last->repeats ? last : nullptr;
    }
};

Place find_place(Command& root, const std::vector<std::string>& words) {
    const std::vector<OptionDescription> global = root.describe().options;
    Place place;
    place.enter(root, global);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const std::string& word = words[i];
        if (place.wants != nullptr) {
            place.wants = nullptr;
        } else if (word == "--") {
            place.command_line = true;
            break;
        } else if (word.size() > 1 && word.starts_with('-')) {
            const OptionDescription* option = place.find_flag(word);
            place.wants = option != nullptr && !option->value.empty() ? option : nullptr;
        } else if (Command* below = place.command->child(word)) {
            place.enter(*below, global);
        } else {
            ++place.operands;
        }
    }
    return place;
}

/// Of a list in one word, only its last value is typed.
Completion values_of(const OptionDescription& option, std::string before, std::string typed) {
    if (option.separator != '\0')
        if (const auto last = typed.rfind(option.separator); last != std::string::npos) {
            before += typed.substr(0, last + 1);
            typed.erase(0, last + 1);
        }
    Completion completion{.candidates = {}, .of = option.of, .before = before, .typed = typed};
    for (const std::string& choice : option.choices)
        if (choice.starts_with(typed))
            completion.candidates.push_back({before + choice, ""});
    return completion;
}

Completion flags_of(const Place& place, const std::string& typed) {
    Completion completion;
    for (const OptionDescription& option : place.flags)
        for (const std::string& name : option.names)
            if (name.starts_with(typed) && (name.starts_with("--") || option.names.size() == 1))
                completion.candidates.push_back({name, first_line(option.help)});
    return completion;
}

/// An alias is only offered where the command's own name does not fit.
void add_commands(const Place& place, const std::string& typed, Completion& completion) {
    for (Command* below : place.command->shown_commands()) {
        const CommandSummary summary = below->summary();
        std::vector<std::string> names = summary.aliases;
        names.insert(names.begin(), summary.name);
        const auto fitting = std::ranges::find_if(
            names, [&](const std::string& name) { return name.starts_with(typed); });
        if (fitting != names.end())
            completion.candidates.push_back({*fitting, first_line(summary.help)});
    }
}

} // namespace

Completion complete(Command& root, const std::vector<std::string>& words) {
    const std::string typed = words.empty() ? std::string() : words.back();
    const Place place = find_place(root, words);
    if (place.command_line)
        return {}; // The guest's words.
    if (place.wants != nullptr)
        return values_of(*place.wants, "", typed);
    if (const auto equals = typed.find('=');
        typed.starts_with("--") && equals != std::string::npos) {
        const OptionDescription* option = place.find_flag(typed.substr(0, equals));
        if (option == nullptr || option->value.empty())
            return {};
        return values_of(*option, typed.substr(0, equals + 1), typed.substr(equals + 1));
    }
    if (typed.starts_with('-'))
        return flags_of(place, typed);
    const OptionDescription* operand = place.operand();
    Completion completion = operand != nullptr ? values_of(*operand, "", typed) : Completion();
    if (place.operands == 0)
        add_commands(place, typed, completion);
    return completion;
}

} // namespace msb::cli
