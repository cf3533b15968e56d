// SQLite index over the sandboxes' files: names, order of creation, labels; and where snapshots lie.
// The files are the truth; a lost or broken database is rebuilt from them.
#pragma once

#include "sandbox/home.hpp"
#include "spec/spec.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

struct sqlite3;

namespace msb {

struct CatalogueRow {
    std::int64_t id = 0;
    std::string name;
};

/// "KEY=VALUE" pairs that must all be present.
using LabelSelector = std::vector<std::pair<std::string, std::string>>;

class Catalogue {
  public:
    static Result<Catalogue> open(const Home& home);

    /// Adds the sandbox, or replaces the row of the same name.
    Status put(const SandboxSpec& spec);
    Status erase(const std::string& name);
    /// Newest first. An empty selector matches all.
    Result<std::vector<CatalogueRow>> list(const LabelSelector& labels = {});

    Status put_snapshot(const std::string& directory);
    Status erase_snapshot(const std::string& directory);
    Result<std::vector<std::string>> snapshots();

  private:
    struct Close {
        void operator()(sqlite3* db) const;
    };
    using Database = std::unique_ptr<sqlite3, Close>;
    explicit Catalogue(Database db) : db_(std::move(db)) {}
    static Result<Catalogue> open_database(const std::string& path);
    Status create_schema();
    Status rebuild(const Home& home);

    Database db_;
};

/// Opens the catalogue at first use: commands that are given a sandbox's name never use it, and
/// opening a database takes longer than the rest of such a command.
class LazyCatalogue {
  public:
    explicit LazyCatalogue(Home home) : home_(std::move(home)) {}

    Status put(const SandboxSpec& spec);
    Status erase(const std::string& name);
    Result<std::vector<CatalogueRow>> list(const LabelSelector& labels = {});
    Status put_snapshot(const std::string& directory);
    Status erase_snapshot(const std::string& directory);
    Result<std::vector<std::string>> snapshots();

  private:
    Result<Catalogue*> get();

    Home home_;
    std::optional<Catalogue> opened_;
};

} // namespace msb
