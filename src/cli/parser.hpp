// The command line: commands, their options and help. It hides CLI11, which only parser.cpp
// includes, because that library costs seconds of compilation in each file.
//
// Commands are known by name from the start, for the help; the options of one are made when the
// command line uses it, or when it is to be described.
#pragma once

#include "cli/description.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace msb::cli {

/// Where an option's value is stored; it has to live as long as the command's action. A list takes
/// one value each time that the option is given; a positional list takes all that follow.
using OptionStorage =
    std::variant<std::string*, std::optional<std::string>*, std::vector<std::string>*, unsigned*,
                 std::optional<unsigned>*, std::uint64_t*, std::optional<std::uint64_t>*>;

/// An option as it was given: its name without dashes, and the value.
struct Given {
    std::string option;
    std::string value;
};

/// What all commands and options of a parser share.
struct ParserNotes {
    /// Set by a check that refuses a value: what was probably meant.
    std::optional<std::string> meant;
    /// What CLI11 keeps no record of.
    struct Values {
        std::vector<std::string> choices;
        ValueOf of = ValueOf::anything;
    };
    std::map<const CLI::Option*, Values> values;
};
using SharedNotes = std::shared_ptr<ParserNotes>;

/// A handle on an option of a command; each call says one more thing about it.
class Option {
  public:
    Option required();
    Option one_of(const std::vector<std::string>& values);
    Option within(std::uint64_t least, std::uint64_t most);
    Option not_negative();
    Option not_empty(const char* complaint);
    /// One value may be a list with commas.
    Option separated_by(char separator);
    /// Given several times: the last one counts.
    Option last_counts();
    Option environment(const char* variable);
    Option needs(const Option& other);
    Option excludes(const Option& other);
    /// The help shows the currently stored value as the default.
    Option shows_default();
    /// What the help calls its value.
    Option value_name(const char* name);
    /// For completion.
    Option names(ValueOf of);

    /// "--name", or else "-n", or else the positional's name.
    std::string name() const;
    /// Given on the command line, not by its environment variable.
    bool given() const;
    /// The words that give it again with the same values: "--env=A=1", "--env=B=2"; "--no-net".
    std::vector<std::string> words() const;

  private:
    friend class Command;
    Option(CLI::Option* option, SharedNotes notes) : option_(option), notes_(std::move(notes)) {}

    CLI::Option* option_;
    SharedNotes notes_;
};

class Command {
  public:
    using Build = std::function<void(Command&)>;

    /// A command below this one. `build` adds its options when it is used. The help does not show a
    /// command with an empty group.
    Command& add(const char* name, const char* help, const char* group, Build build);
    /// One that only has commands below it, one of which has to be named.
    Command& add_family(const char* name, const char* help, const char* group);
    Command& alias(const char* name);
    void footer(const char* text);

    /// "-n,--name", or "name" for one that is found by its place.
    Option option(const char* names, OptionStorage into, const char* help);
    /// One of several options ("--name") whose values make one list, in the order of the command
    /// line.
    Option listed(const char* name, std::vector<Given>* into, const char* help);
    Option flag(const char* names, bool* into, const char* help);
    /// Calls `given` with how often it was given.
    Option counted(const char* names, std::function<void(std::int64_t)> given, const char* help);
    /// A group of flags of which at most one may be given.
    Command at_most_one(const char* title, const char* help);
    Option find(const char* name) const;
    std::vector<Option> options() const;
    /// At least one of them has to be given; `what` names them in the error.
    void require_any(std::vector<Option> options, const char* what);

    /// What follows "--" is stored here, as it is: none if there is no "--". For any other command
    /// "--" only ends the options.
    void take_command_line(std::optional<std::vector<std::string>>* into);
    void action(std::function<void()> action) { action_ = std::move(action); }

    CommandSummary summary() const;
    /// With its options, which are made now if they were not yet.
    CommandDescription describe();
    /// Those below this one that the help shows.
    std::vector<Command*> shown_commands() const;
    /// By its name or an alias; null if there is none.
    Command* child(const std::string& word) const;

  private:
    friend class Parser;
    Command(CLI::App* app, SharedNotes notes) : app_(app), notes_(std::move(notes)) {}
    void prepare();
    std::vector<std::string> child_names() const;
    std::vector<std::string> flag_names() const;

    CLI::App* app_;
    SharedNotes notes_;
    Build build_;
    std::function<void()> action_;
    std::vector<std::unique_ptr<Command>> children_;
    std::optional<std::vector<std::string>>* command_line_ = nullptr;
    std::vector<Option> any_of_;
    std::string any_of_text_;
};

/// Why a command line is refused.
struct UsageError {
    std::string message;
    /// What was probably meant: a command, a flag, a value.
    std::optional<std::string> meant;
    /// There were more words than the command takes.
    bool extra = false;
};

class Parser {
  public:
    Parser(const char* name, const char* description, const char* version);
    ~Parser();
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;

    Command& root() { return root_; }
    /// Text to print (help, version), an error, or neither: then run() is what remains to be done.
    std::variant<std::monostate, std::string, UsageError> parse(int argc, const char* const* argv);
    /// The action of the command that was used.
    void run() const;
    std::string help() const;
    /// "msb image ls": the words that led to the command.
    std::string used_name() const;

  private:
    void select(const std::vector<std::string>& words);
    UsageError refused(std::string message, bool extra) const;
    std::optional<std::string> meant() const;

    std::unique_ptr<CLI::App> app_;
    Command root_;
    std::vector<Command*> used_; ///< from the root down
};

} // namespace msb::cli
