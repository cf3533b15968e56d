#include "cli/man_page.hpp"

#include <algorithm>
#include <sstream>

namespace msb::cli {

namespace {

/// Text that means itself: man(7) takes some characters, and the beginning of a line, as its own.
std::string plain(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
            out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

std::string bold(const std::string& text) {
    return "\\fB" + plain(text) + "\\fR";
}

std::string italic(const std::string& text) {
    return "\\fI" + plain(text) + "\\fR";
}

/// Each line of it stays one.
std::string paragraphs(const std::string& text) {
    std::istringstream lines(text);
    std::string out;
    std::string line;
    while (std::getline(lines, line))
        out += line.empty() ? ".PP\n" : plain(line) + "\n.br\n";
    return out;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : between) + word;
    return text;
}

std::string option_entry(const OptionDescription& option) {
    std::string names;
    for (const std::string& name : option.names)
        names += (names.empty() ? "" : ", ") + (option.positional ? italic(name) : bold(name));
    std::string text = ".TP\n" + names;
    if (!option.value.empty() && !option.positional)
        text += " " + italic(option.value);
    text += "\n" + plain(option.help) + "\n";
    if (!option.choices.empty())
        text += ".br\nOne of: " + plain(joined(option.choices, ", ")) + "\n";
    if (!option.initial.empty())
        text += ".br\nDefault: " + plain(option.initial) + "\n";
    if (!option.variable.empty())
        text += ".br\nEnvironment: " + plain(option.variable) + "\n";
    return text;
}

std::string section_of(const char* title, const std::vector<OptionDescription>& options,
                       bool positional) {
    std::string text;
    for (const OptionDescription& option : options)
        if (option.positional == positional)
            text += option_entry(option);
    return text.empty() ? text : std::string(".SH ") + title + "\n" + text;
}

std::string synopsis(const std::string& name, const CommandDescription& described, bool family) {
    std::string text = ".SH SYNOPSIS\n" + bold(name) + " [" + italic("OPTIONS") + "]";
    if (family)
        text += " " + italic("COMMAND");
    for (const OptionDescription& option : described.options)
        if (option.positional) {
            const std::string word = italic(option.names.front()) + (option.repeats ? "..." : "");
            text += option.required ? " " + word : " [" + word + "]";
        }
    if (described.takes_command_line)
        text += " [" + plain("--") + " " + italic("COMMAND") + "...]";
    return text + "\n";
}

std::string dashed(std::string words) {
    std::ranges::replace(words, ' ', '-');
    return words;
}

std::string command_list(const std::string& name, const std::vector<Command*>& commands) {
    std::string text;
    for (const Command* below : commands) {
        const CommandSummary summary = below->summary();
        text += ".TP\n" + bold(dashed(name + " " + summary.name)) + "(1)\n" + plain(summary.help) +
                "\n";
    }
    return text.empty() ? text : ".SH COMMANDS\n" + text;
}

std::string page(const std::string& name, const std::string& above, Command& command,
                 const std::string& version) {
    const CommandDescription described = command.describe();
    const std::vector<Command*> below = command.shown_commands();
    const std::string& help = described.summary.help;
    std::string title = dashed(name);
    std::ranges::transform(title, title.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    });
    std::string text =
        ".TH " + plain(title) + " 1 \"\" \"" + plain(version) + "\" \"Microsandbox\"\n.ad l\n";
    // The program's own description opens with its version; the last line says what it is for.
    text += ".SH NAME\n" + plain(dashed(name)) + " \\- " +
            plain(help.substr(help.rfind('\n') + 1)) + "\n";
    text += synopsis(name, described, !below.empty());
    if (!described.footer.empty() || !described.summary.aliases.empty())
        text += ".SH DESCRIPTION\n" + paragraphs(described.footer);
    if (!described.summary.aliases.empty())
        text += ".PP\nAlso called " + bold(joined(described.summary.aliases, ", ")) + ".\n";
    text += command_list(name, below);
    text += section_of("ARGUMENTS", described.options, true);
    text += section_of("OPTIONS", described.options, false);
    text +=
        ".SH EXIT STATUS\n0: done. 1: failed. 2: the command line is wrong. A command that runs in "
        "a sandbox passes its own on.\n";
    if (!above.empty())
        text += ".SH SEE ALSO\n" + bold(dashed(above)) + "(1)\n";
    return text;
}

void add_pages(std::vector<ManPage>& pages, const std::string& name, const std::string& above,
               Command& command, const std::string& version) {
    pages.push_back({dashed(name) + ".1", page(name, above, command, version)});
    for (Command* below : command.shown_commands())
        add_pages(pages, name + " " + below->summary().name, name, *below, version);
}

} // namespace

std::vector<ManPage> man_pages(Command& root, const std::string& version) {
    std::vector<ManPage> pages;
    add_pages(pages, root.summary().name, "", root, version);
    return pages;
}

} // namespace msb::cli
