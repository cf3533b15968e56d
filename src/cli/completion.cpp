// msb completion. The script that a shell loads asks `msb __complete` whenever the user presses TAB,
// so it never has to be made anew.
#include "cli/commands.hpp"
#include "cli/complete.hpp"
#include "cli/context.hpp"
#include "cli/output.hpp"
#include "image/collect.hpp"
#include "image/store.hpp"
#include "sandbox/networks/networks.hpp"
#include "sandbox/policies.hpp"
#include "spec/spec.hpp"

#include <memory>

namespace msb::cli {

namespace {

// Each script gets lines of "WORD<TAB>HELP", and maybe ":file" or ":directory": paths of ours fit,
// too. A word that ends in ":" or "=" goes on.

constexpr const char* bash_script = R"script(# msb completion bash
_msb() {
    local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^:=]/} kept='' paths='' word
    local -a words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local typed=${words[-1]}
    # Bash replaces only what is behind the last character that breaks words.
    [[ -n $breaks ]] && kept=${typed%"${typed##*["$breaks"]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
            :file) paths=-f ;;
            :directory) paths=-d ;;
            *) COMPREPLY+=("${word#"$kept"}") ;;
        esac
    done < <("$1" __complete -- "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace
    [[ -n $paths ]] || return 0
    [[ ${#COMPREPLY[@]} -eq 0 ]] && compopt -o filenames
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(compgen "$paths" -- "${typed#"$kept"}")
}
complete -F _msb msb microsandbox
)script";

constexpr const char* zsh_script = R"script(#compdef msb microsandbox
# msb completion zsh
_msb() {
    local line word paths
    local -a ended open
    for line in "${(@f)$("${(Q)words[1]}" __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        word=${line%%$'\t'*}
        case $word in
            '') ;;
            :file) paths=_files ;;
            :directory) paths='_files -/' ;;
            *[:=]) open+=("$word") ;;
            *) ended+=("${word//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    (( $#ended )) && _describe -V 'msb' ended
    (( $#open )) && compadd -S '' -- $open
    if [[ -n $paths ]]; then
        compset -P '--*='
        ${=paths}
    fi
}
if [[ $funcstack[1] == _msb ]]; then
    _msb "$@"
else
    compdef _msb msb microsandbox
fi
)script";

constexpr const char* fish_script = R"script(# msb completion fish
function __msb_complete
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    set -l option (string match -r '^--[^=]*=' -- "$typed")
    set -l path (string replace -r '^--[^=]*=' '' -- "$typed")
    for line in ($before[1] __complete -- $before[2..-1] "$typed" 2>/dev/null)
        switch $line
            case ':file*'
                for found in (__fish_complete_path "$path")
                    echo "$option$found"
                end
            case ':directory*'
                for found in (__fish_complete_directories "$path")
                    echo "$option$found"
                end
            case '*'
                echo $line
        end
    end
end
complete -c msb -f -a '(__msb_complete)'
complete -c microsandbox -f -a '(__msb_complete)'
)script";

/// Directories in `parent` whose name could be a sandbox's, a snapshot's or a volume's. Reading what
/// is in them would take longer than a key press may.
std::vector<std::string> names_in(const std::string& parent) {
    std::vector<std::string> names = image::list_directory(parent);
    std::erase_if(names, [](const std::string& name) { return !validate_name(name); });
    return names;
}

std::vector<std::string> names_of(ValueOf of, const Home& home) {
    std::vector<std::string> names;
    switch (of) {
    case ValueOf::sandbox:
    case ValueOf::file_or_guest_path: return names_in(home.sandboxes());
    case ValueOf::snapshot: return names_in(home.snapshots());
    case ValueOf::volume: return names_in(home.volumes());
    case ValueOf::network:
        if (const auto networks = Networks(home).list())
            for (const Network& network : *networks)
                names.push_back(network.name);
        break;
    case ValueOf::image:
        if (const auto images = image::Store(home.root()).list())
            for (const image::Image& image : *images)
                names.push_back(image.reference);
        break;
    case ValueOf::policy:
        for (PolicySource& source : list_policies(home))
            names.push_back(std::move(source.name));
        break;
    case ValueOf::anything:
    case ValueOf::file:
    case ValueOf::directory: break;
    }
    return names;
}

/// Whether paths of ours fit: the shell knows those.
const char* paths_for(ValueOf of) {
    switch (of) {
    case ValueOf::file:
    case ValueOf::file_or_guest_path: return ":file\n";
    case ValueOf::directory: return ":directory\n";
    default: return "";
    }
}

std::string candidates(Command& root, const std::vector<std::string>& words) {
    const Completion completion = complete(root, words);
    std::string text;
    const auto add = [&text](const std::string& word, const std::string& help) {
        text += printable_line(word) + '\t' + printable_line(help) + '\n';
    };
    for (const Candidate& candidate : completion.candidates)
        add(candidate.word, candidate.help);
    const char* const end = completion.of == ValueOf::file_or_guest_path ? ":" : "";
    // Not Context::home(), which would make it.
    if (const auto home = Home::from_environment())
        for (const std::string& name : names_of(completion.of, *home))
            if (name.starts_with(completion.typed))
                add(completion.before + name + end, "");
    return text + paths_for(completion.of);
}

const char* script_for(const std::string& shell) {
    if (shell == "zsh")
        return zsh_script;
    return shell == "fish" ? fish_script : bash_script;
}

} // namespace

void add_completion(Command& root, Context& context) {
    root.add("completion", "Completion of commands, options and names for a shell",
             group_installation, [](Command& command) {
                 auto shell = std::make_shared<std::string>();
                 command.option("shell", shell.get(), "bash, zsh or fish")
                     .one_of({"bash", "zsh", "fish"})
                     .required();
                 command.footer("For this shell only:  source <(msb completion bash)\n"
                                "An installation has the scripts where the shells look for them.");
                 command.action([shell] { (void)print(script_for(*shell)); });
             });
    root.add("__complete", "What the word that is typed can be", group_hidden,
             [&root, &context](Command& command) {
                 command.take_command_line(&context.command);
                 command.action([&root, &context] {
                     (void)print(
                         candidates(root, context.command.value_or(std::vector<std::string>())));
                 });
             });
}

} // namespace msb::cli
