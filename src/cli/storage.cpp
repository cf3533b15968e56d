// msb df, msb prune
#include "api/storage_json.hpp"
#include "base/closest.hpp"
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "cli/snapshot.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <unistd.h>

namespace msb::cli {

namespace {

struct UsageOptions {
    bool verbose = false;
    std::string format;
};

struct PruneOptions {
    bool images_only = false; ///< msb image prune
    std::vector<std::string> filters;
    std::string older_than;
    bool all = false;
    bool dry_run = false;
    bool yes = false;
    bool quiet = false;
    std::string format;
};

void print_usage(const std::vector<StorageItem>& items) {
    Table table({"TYPE", "COUNT", "IN USE", "SIZE", "ON DISK", "RECLAIMABLE"});
    StorageTotals all;
    for (std::size_t i = 0; i < storage_kinds; ++i) {
        const auto kind = static_cast<StorageKind>(i);
        const StorageTotals totals = totals_of(items, kind);
        const bool own = kind != StorageKind::image;
        table.add({std::string(to_string(kind)), std::to_string(totals.count),
                   std::to_string(totals.in_use), format_bytes(totals.logical),
                   own ? format_bytes(totals.allocated) : "-",
                   own ? format_bytes(totals.reclaimable) : "-"});
        all.allocated += totals.allocated;
        all.reclaimable += totals.reclaimable;
    }
    table.add({"total", "", "", "", format_bytes(all.allocated), format_bytes(all.reclaimable)});
    (void)print(table.render());
}

void print_items(const std::vector<StorageItem>& items) {
    Table table({"TYPE", "NAME", "SIZE", "ON DISK", "IN USE BY"});
    for (const StorageItem& item : items) {
        std::string users;
        for (const std::string& reason : item.reasons)
            users += (users.empty() ? "" : ", ") + reason;
        table.add({std::string(to_string(item.kind)), item.name, format_bytes(item.logical_bytes),
                   item.kind == StorageKind::image ? "-" : format_bytes(item.allocated_bytes),
                   users.empty() ? "-" : users});
    }
    (void)print("\n" + table.render());
}

Status usage(Context& context, const UsageOptions& options) {
    Session session = MSB_TRY(Session::open(context, false));
    session.progress().begin("Measuring", session.home().root());
    const auto items = storage_usage(session.launcher(), [&] { return session.tick(); });
    if (!items)
        return unless_interrupted(session, context, items.error());
    session.progress().clear();
    if (options.format == "json") {
        (void)print(json::to_text(usage_document(*items), 2) + "\n");
        return {};
    }
    print_usage(*items);
    if (options.verbose)
        print_items(*items);
    return {};
}

// ---- prune ----

Result<std::chrono::seconds> parse_age(const std::string& text) {
    return std::chrono::seconds(MSB_TRY(parse_duration_ms(text, true)) / 1000);
}

/// type=KIND, label=KEY[=VALUE], older-than=DURATION (until=DURATION)
Status apply_filter(PruneRequest& request, const std::string& text) {
    const std::size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
    static const std::array<std::string, 4> keys = {"type", "label", "older-than", "until"};
    if (key == "type") {
        const auto kind = parse_storage_kind(value);
        if (kind && *kind != StorageKind::log)
            return request.kinds.push_back(*kind), Status();
        std::vector<std::string> words;
        for (std::size_t i = 0; i < storage_kinds; ++i)
            if (static_cast<StorageKind>(i) != StorageKind::log)
                words.emplace_back(to_string(static_cast<StorageKind>(i)));
        Error error(ErrorKind::invalid_argument,
                    "--filter '" + text + "': nothing to prune is '" + value + "'");
        const auto meant = closest(value, words);
        std::string all;
        for (const std::string& word : words)
            all += (all.empty() ? "" : ", ") + word;
        return fail(std::move(error).with_hint(meant ? "did you mean '" + *meant + "'?"
                                                     : "there are: " + all));
    }
    if (key == "label")
        return request.labels.push_back(MSB_TRY(parse_label(value))), Status();
    if (key == "older-than" || key == "until") {
        request.older_than = MSB_TRY(parse_age(value));
        return {};
    }
    Error error(ErrorKind::invalid_argument, "--filter '" + text + "': unknown key '" + key + "'");
    const auto meant = closest(key, keys);
    return fail(std::move(error).with_hint(meant ? "did you mean '" + *meant + "'?"
                                                 : "there are: type, label, older-than"));
}

Result<PruneRequest> prune_request(const PruneOptions& options) {
    PruneRequest request;
    for (const std::string& filter : options.filters)
        MSB_TRY(apply_filter(request, filter));
    if (!options.older_than.empty())
        request.older_than = MSB_TRY(parse_age(options.older_than));
    if (options.images_only)
        request.kinds = {StorageKind::image, StorageKind::layer};
    if (options.all)
        request.kinds = {StorageKind::image, StorageKind::layer, StorageKind::sandbox,
                         StorageKind::snapshot, StorageKind::cache};
    request.dry_run = options.dry_run;
    return request;
}

/// As other versions of this command had it.
void print_pruned_images(const std::vector<PrunedItem>& items) {
    std::size_t references = 0, documents = 0, layers = 0, merged = 0;
    for (const PrunedItem& one : items) {
        const std::string& name = one.item.name;
        if (one.failure)
            continue;
        if (one.item.kind == StorageKind::image)
            ++references;
        else if (name.ends_with(".data"))
            ++layers;
        else if (name.ends_with(".erofs"))
            ++merged;
        else if (name.find('.') == std::string::npos)
            ++documents; // a manifest and a configuration for each image
    }
    (void)print(json::to_text(json::Value{{"image_refs_removed", references},
                                          {"manifests_removed", documents / 2},
                                          {"layers_removed", layers},
                                          {"fsmeta_removed", merged},
                                          {"vmdk_removed", 0},
                                          {"bytes_reclaimed", count(items).bytes}},
                              2) +
                "\n");
}

void print_pruned(const std::vector<PrunedItem>& items, const PruneOptions& options) {
    const PruneOutcome outcome = count(items);
    if (options.format == "json" && options.images_only)
        return print_pruned_images(items);
    if (options.format == "json") {
        (void)print(json::to_text(prune_document(items, options.dry_run), 2) + "\n");
        return;
    }
    if (!options.quiet && !items.empty()) {
        Table table({"TYPE", "NAME", "ON DISK"});
        for (const PrunedItem& one : items)
            if (!one.failure)
                table.add({std::string(to_string(one.item.kind)), one.item.name,
                           format_bytes(one.item.allocated_bytes)});
        (void)print(table.render());
    }
    for (const PrunedItem& one : items)
        if (one.failure && one.failure->kind() != ErrorKind::busy)
            print_error(*one.failure);
    if (!options.quiet)
        (void)print(items.empty()     ? "Nothing to prune.\n"
                    : options.dry_run ? "Would free " + format_bytes(outcome.bytes) + ".\n"
                                      : "Freed " + format_bytes(outcome.bytes) + ".\n");
}

/// False: the user does not want to.
Result<bool> confirmed(const std::vector<PrunedItem>& items) {
    if (!is_terminal(STDIN_FILENO))
        return fail(Error(ErrorKind::invalid_argument, "not a terminal: nobody can be asked")
                        .with_hint("use --yes, or --dry-run to see what would be removed"));
    const PruneOutcome outcome = count(items);
    print_stderr("Remove " + std::to_string(outcome.removed) + " items, " +
                 format_bytes(outcome.bytes) + "? [y/N] ");
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

Status prune(Context& context, const PruneOptions& options) {
    Session session = MSB_TRY(Session::open(context, options.quiet));
    PruneRequest request = MSB_TRY(prune_request(options));
    const auto tick = [&] { return session.tick(); };
    if (!options.dry_run && !options.yes) {
        request.dry_run = true;
        const auto planned = prune_storage(session.launcher(), request, tick);
        if (!planned)
            return unless_interrupted(session, context, planned.error());
        session.progress().clear();
        if (planned->empty())
            return print_pruned(*planned, options), Status();
        if (is_terminal(STDIN_FILENO) && options.format.empty()) {
            PruneOptions preview = options;
            preview.dry_run = true;
            print_pruned(*planned, preview);
        }
        if (!MSB_TRY(confirmed(*planned)))
            return print_stderr("Aborted.\n"), Status();
        request.dry_run = false;
    }
    session.progress().begin("Pruning", session.home().root());
    const auto pruned = prune_storage(session.launcher(), request, tick);
    if (!pruned)
        return unless_interrupted(session, context, pruned.error());
    session.progress().clear();
    print_pruned(*pruned, options);
    return count(*pruned).failed == 0 ? Status()
                                      : fail(ErrorKind::system, "some of it could not be removed");
}

void build_usage(Command& command, Context& context) {
    auto options = std::make_shared<UsageOptions>();
    command.flag("-v,--verbose", &options->verbose, "Each item, and what uses it");
    command.option("--format", &options->format, "Output format").one_of({"json"});
    command.action(
        [&context, options] { run_command(context, [&] { return usage(context, *options); }); });
}

void build_prune(Command& command, Context& context) {
    auto options = std::make_shared<PruneOptions>();
    command.footer("Without a filter it removes what can be had again: images that no sandbox or\n"
                   "snapshot was made from, their layers, and caches.");
    const Option filter =
        command.option("--filter", &options->filters,
                       "type=images|layers|sandboxes|snapshots|volumes|caches, label=KEY=VALUE, "
                       "older-than=DURATION "
                       "(repeatable)");
    command.option("--older-than", &options->older_than, "Only what is older, e.g. 12h or 7d");
    command.flag(
        "-a,--all", &options->all,
        "Also sandboxes that are stopped, and snapshots that nothing came from; volumes only "
        "by their type");
    command.flag("--dry-run", &options->dry_run, "Only show what would be removed");
    command.flag("-y,--yes", &options->yes, "Do not ask");
    const Option quiet = command.flag("-q,--quiet", &options->quiet, "Say nothing but errors");
    command.option("--format", &options->format, "Output format").one_of({"json"}).excludes(quiet);
    command.action(
        [&context, options] { run_command(context, [&] { return prune(context, *options); }); });
}

void build_image_prune(Command& command, Context& context) {
    auto options = std::make_shared<PruneOptions>();
    options->images_only = true;
    command.flag("--dry-run", &options->dry_run, "Only show what would be removed");
    command.flag("-y,--yes", &options->yes, "Do not ask");
    const Option quiet = command.flag("-q,--quiet", &options->quiet, "Say nothing but errors");
    command.option("--format", &options->format, "Output format").one_of({"json"}).excludes(quiet);
    command.action(
        [&context, options] { run_command(context, [&] { return prune(context, *options); }); });
}

} // namespace

void add_image_prune(Command& family, Context& context) {
    family.add("prune", "Remove images that no sandbox and no snapshot was made from", group_images,
               [&context](Command& command) { build_image_prune(command, context); });
}

void add_storage(Command& parent, Context& context) {
    parent.add("df", "What takes room on the disk", group_storage,
               [&context](Command& command) { build_usage(command, context); });
    parent.add("prune", "Remove what nothing needs", group_storage,
               [&context](Command& command) { build_prune(command, context); });
}

} // namespace msb::cli
