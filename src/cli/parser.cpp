#include "cli/parser.hpp"

#include "base/closest.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <ranges>
#include <sstream>
#include <string_view>

namespace msb::cli {

namespace {

constexpr std::size_t help_column = 32;

/// Before each word that follows "--". No argument can contain it, so CLI11 takes such a word
/// neither for an option nor for a command. (CLI11's own "--" has no effect on commands below.)
constexpr char operand_mark = '\0';

std::string without_mark(const std::string& word) {
    return word.starts_with(operand_mark) ? word.substr(1) : word;
}

bool is_positional(std::string_view names) {
    return !names.starts_with('-');
}

/// The words up to "--", and those behind it; no second list if there is none.
std::pair<std::vector<std::string>, std::optional<std::vector<std::string>>>
split_at_dashes(int argc, const char* const* argv) {
    const char* const* const end = argv + argc;
    const char* const* const begin = argc > 0 ? argv + 1 : end;
    const auto dashes = std::find(begin, end, std::string_view("--"));
    std::pair<std::vector<std::string>, std::optional<std::vector<std::string>>> words;
    words.first.assign(begin, dashes);
    if (dashes != end)
        words.second.emplace(dashes + 1, end);
    return words;
}

/// Those of a command itself, and of the groups that at_most_one() made in it.
std::vector<const CLI::Option*> all_options(const CLI::App& app) {
    std::vector<const CLI::Option*> options = app.get_options();
    for (const CLI::App* group :
         app.get_subcommands([](const CLI::App* below) { return below->get_name().empty(); }))
        std::ranges::copy(group->get_options(), std::back_inserter(options));
    return options;
}

OptionDescription describe_option(const CLI::Option& option, const ParserNotes::Values& values) {
    // CLI11 appends what its checks say: "TEXT:{a,b}". The choices are said elsewhere.
    std::string value = option.get_items_expected_max() > 0 ? option.get_type_name() : "";
    if (!values.choices.empty())
        value.resize(std::min(value.size(), value.find(":{")));
    OptionDescription description{.names = {},
                                  .value = std::move(value),
                                  .help = option.get_description(),
                                  .initial = option.get_default_str(),
                                  .variable = option.get_envname(),
                                  .choices = values.choices,
                                  .of = values.of,
                                  .separator = option.get_delimiter(),
                                  .positional = option.get_positional(),
                                  .required = option.get_required(),
                                  .repeats = option.get_items_expected_max() > 1};
    if (description.positional)
        description.names.push_back(option.get_name());
    for (const std::string& name : option.get_snames())
        description.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames())
        description.names.push_back("--" + name);
    return description;
}

void refuse_operand(CLI::Option* option) {
    option->check([option](const std::string& value) {
        // "--" stood where the value should.
        if (value.starts_with(operand_mark))
            throw CLI::ArgumentMismatch::TypedAtLeast(option->get_name(), 1,
                                                      option->get_type_name());
        return std::string();
    });
}

} // namespace

// --- Option -------------------------------------------------------------------------------------

Option Option::required() {
    option_->required();
    return *this;
}

Option Option::one_of(const std::vector<std::string>& values) {
    const CLI::IsMember member(values);
    const auto check = [member, values, notes = notes_](std::string& value) {
        std::string complaint = member(value);
        if (!complaint.empty())
            notes->meant = closest(value, values);
        return complaint;
    };
    option_->check(CLI::Validator(check, member.get_description()));
    notes_->values[option_].choices = values;
    return *this;
}

Option Option::within(std::uint64_t least, std::uint64_t most) {
    option_->check(CLI::Range(least, most));
    return *this;
}

Option Option::not_negative() {
    option_->check(CLI::NonNegativeNumber);
    return *this;
}

Option Option::not_empty(const char* complaint) {
    option_->check([complaint](const std::string& text) {
        return text.empty() ? std::string(complaint) : std::string();
    });
    return *this;
}

Option Option::separated_by(char separator) {
    option_->delimiter(separator)->allow_extra_args(false);
    return *this;
}

Option Option::last_counts() {
    option_->take_last();
    return *this;
}

Option Option::environment(const char* variable) {
    option_->envname(variable);
    return *this;
}

Option Option::needs(const Option& other) {
    option_->needs(other.option_);
    return *this;
}

Option Option::excludes(const Option& other) {
    option_->excludes(other.option_);
    return *this;
}

Option Option::shows_default() {
    option_->capture_default_str();
    return *this;
}

Option Option::value_name(const char* name) {
    option_->type_name(name);
    return *this;
}

Option Option::names(ValueOf of) {
    notes_->values[option_].of = of;
    return *this;
}

std::string Option::name() const {
    return option_->get_name();
}

bool Option::given() const {
    const std::string variable = option_->get_envname();
    const bool by_variable = !variable.empty() && std::getenv(variable.c_str()) != nullptr;
    return option_->count() > 0 && !by_variable;
}

std::vector<std::string> Option::words() const {
    if (option_->get_items_expected_max() == 0)
        return {name()};
    std::vector<std::string> words;
    for (const std::string& value : option_->results())
        words.push_back(name().starts_with("--") ? name() + "=" + value : name() + value);
    return words;
}

// --- Command ------------------------------------------------------------------------------------

Command& Command::add(const char* name, const char* help, const char* group, Build build) {
    CLI::App* app = app_->add_subcommand(name, help)->group(group);
    children_.push_back(std::unique_ptr<Command>(new Command(app, notes_)));
    children_.back()->build_ = std::move(build);
    return *children_.back();
}

Command& Command::add_family(const char* name, const char* help, const char* group) {
    Command& family = add(name, help, group, {});
    family.app_->require_subcommand(1);
    return family;
}

Command& Command::alias(const char* name) {
    app_->alias(name);
    return *this;
}

void Command::footer(const char* text) {
    app_->footer(text);
}

Option Command::option(const char* names, OptionStorage into, const char* help) {
    const bool positional = is_positional(names);
    CLI::Option* option =
        std::visit([&](auto* value) { return app_->add_option(names, *value, help); }, into);
    if (positional) {
        option->transform(without_mark);
        return {option, notes_};
    }
    if (option->get_expected_max() > 1)
        option->allow_extra_args(false);
    refuse_operand(option);
    return {option, notes_};
}

Option Command::listed(const char* name, std::vector<Given>* into, const char* help) {
    const auto take = [name, into](const std::string& value) {
        into->push_back({std::string(name).substr(2), value});
    };
    CLI::Option* option = app_->add_option_function<std::string>(name, take, help);
    option->trigger_on_parse();
    refuse_operand(option);
    return {option, notes_};
}

Option Command::flag(const char* names, bool* into, const char* help) {
    return {app_->add_flag(names, *into, help), notes_};
}

Option Command::counted(const char* names, std::function<void(std::int64_t)> given,
                        const char* help) {
    return {app_->add_flag_function(names, std::move(given), help), notes_};
}

Command Command::at_most_one(const char* title, const char* help) {
    auto* group = app_->add_option_group(title, help);
    group->require_option(0, 1);
    return Command(group, notes_);
}

Option Command::find(const char* name) const {
    return {app_->get_option(name), notes_};
}

std::vector<Option> Command::options() const {
    std::vector<Option> all;
    for (CLI::Option* option : app_->get_options())
        all.push_back({option, notes_});
    return all;
}

void Command::require_any(std::vector<Option> options, const char* what) {
    any_of_ = std::move(options);
    any_of_text_ = what;
}

void Command::take_command_line(std::optional<std::vector<std::string>>* into) {
    command_line_ = into;
}

Command* Command::child(const std::string& word) const {
    const auto found = std::ranges::find_if(
        children_, [&](const auto& child) { return child->app_->check_name(word); });
    return found == children_.end() ? nullptr : found->get();
}

std::vector<std::string> Command::child_names() const {
    std::vector<std::string> names;
    for (const auto& child : children_) {
        if (child->app_->get_group().empty())
            continue;
        names.push_back(child->app_->get_name());
        for (const std::string& alias : child->app_->get_aliases())
            names.push_back(alias);
    }
    return names;
}

/// Long option names, without dashes; a single letter has no likely correction.
std::vector<std::string> Command::flag_names() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : all_options(*app_))
        std::ranges::copy(option->get_lnames(), std::back_inserter(names));
    return names;
}

void Command::prepare() {
    if (build_)
        std::exchange(build_, {})(*this);
}

std::vector<Command*> Command::shown_commands() const {
    std::vector<Command*> shown;
    for (const auto& child : children_)
        if (!child->app_->get_group().empty())
            shown.push_back(child.get());
    return shown;
}

CommandSummary Command::summary() const {
    return {
        .name = app_->get_name(), .aliases = app_->get_aliases(), .help = app_->get_description()};
}

CommandDescription Command::describe() {
    prepare();
    CommandDescription description{.summary = summary(),
                                   .footer = app_->get_footer(),
                                   .takes_command_line = command_line_ != nullptr,
                                   .options = {}};
    for (const CLI::Option* option : all_options(*app_)) {
        if (option->get_group().empty())
            continue;
        const auto noted = notes_->values.find(option);
        description.options.push_back(describe_option(
            *option, noted == notes_->values.end() ? ParserNotes::Values() : noted->second));
    }
    return description;
}

// --- Parser -------------------------------------------------------------------------------------

Parser::Parser(const char* name, const char* description, const char* version)
    : app_(std::make_unique<CLI::App>(description, name)),
      root_(app_.get(), std::make_shared<ParserNotes>()) {
    app_->set_version_flag("-V,--version", version);
    app_->fallthrough();
    app_->require_subcommand(0, 1);
    app_->get_formatter()->column_width(help_column);
    used_ = {&root_};
}

Parser::~Parser() = default;

/// Finds the command as CLI11 will: each word that names a command below the last one found.
void Parser::select(const std::vector<std::string>& words) {
    for (const std::string& word : words)
        if (Command* found = used_.back()->child(word)) {
            used_.push_back(found);
            found->prepare();
        }
}

std::variant<std::monostate, std::string, UsageError> Parser::parse(int argc,
                                                                    const char* const* argv) {
    auto [words, operands] = split_at_dashes(argc, argv);
    select(words);
    Command& command = *used_.back();
    if (command.command_line_ != nullptr)
        *command.command_line_ = std::exchange(operands, std::nullopt);
    for (const std::string& word : operands.value_or(std::vector<std::string>()))
        words.push_back(operand_mark + word);
    std::ranges::reverse(words); // as CLI11 takes them
    try {
        app_->parse(std::move(words));
    } catch (const CLI::Success& asked) { // --help, --version
        std::ostringstream text;
        app_->exit(asked, text, text);
        return text.str();
    } catch (const CLI::ExtrasError&) {
        std::vector<std::string> extra = app_->remaining(true);
        std::ranges::transform(extra, extra.begin(), without_mark);
        return refused(CLI::ExtrasError(std::move(extra)).what(), true);
    } catch (const CLI::ParseError& error) {
        return refused(error.what(), false);
    }
    if (!command.any_of_.empty() && std::ranges::none_of(command.any_of_, &Option::given))
        return refused(command.any_of_text_ + " is required", false);
    return {};
}

UsageError Parser::refused(std::string message, bool extra) const {
    return {std::move(message), meant(), extra};
}

std::optional<std::string> Parser::meant() const {
    if (root_.notes_->meant)
        return root_.notes_->meant;
    const Command& command = *used_.back();
    for (const std::string& word : app_->remaining(true)) {
        if (word.starts_with(operand_mark))
            continue;
        if (!word.starts_with('-')) {
            // What follows a mistyped command may be a command, too: `msb snapsho ls`.
            for (const Command* used : std::views::reverse(used_))
                if (auto name = closest(word, used->child_names()))
                    return name;
            return std::nullopt;
        }
        std::vector<std::string> flags = command.flag_names();
        if (&command != &root_)
            std::ranges::copy(root_.flag_names(), std::back_inserter(flags));
        const auto flag =
            closest(word.substr(0, word.find('=')).substr(word.find_first_not_of('-')), flags);
        return flag ? std::optional("--" + *flag) : std::nullopt;
    }
    return std::nullopt;
}

void Parser::run() const {
    if (used_.back()->action_)
        used_.back()->action_();
}

std::string Parser::help() const {
    // App::help() would show the help of the command that was parsed.
    return app_->get_formatter()->make_help(app_.get(), app_->get_name(),
                                            CLI::AppFormatMode::Normal);
}

std::string Parser::used_name() const {
    std::string name;
    for (const Command* command : used_)
        name += (name.empty() ? "" : " ") + command->app_->get_name();
    return name;
}

} // namespace msb::cli
