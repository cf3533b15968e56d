#include "sandbox/catalogue.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <dirent.h>
#include <sqlite3.h>

namespace msb {

namespace {

constexpr int schema_version = 2;
constexpr int busy_timeout_ms = 10'000;

constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS sandbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    ephemeral INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS sandbox_label (
    sandbox_id INTEGER NOT NULL REFERENCES sandbox(id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (sandbox_id, key)
);
CREATE INDEX IF NOT EXISTS sandbox_label_by_value ON sandbox_label (key, value);
CREATE TABLE IF NOT EXISTS snapshot (
    directory TEXT PRIMARY KEY
);
PRAGMA user_version = 2;
)sql";

ErrorKind kind_of(int code) {
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return ErrorKind::corrupt;
    case SQLITE_FULL: return ErrorKind::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorKind::busy;
    case SQLITE_PERM:
    case SQLITE_READONLY: return ErrorKind::permission_denied;
    default: return ErrorKind::system;
    }
}

std::unexpected<Error> failed(sqlite3* db, const std::string& what) {
    std::string message = "catalogue: " + what + ": " + sqlite3_errmsg(db);
    // In some places SQLite reports a full disk as "disk I/O error", so use the system's errno.
    const int reason = sqlite3_system_errno(db);
    if ((sqlite3_errcode(db) & 0xff) == SQLITE_IOERR && reason != 0)
        return fail(Error::from_errno(reason, message));
    return fail(kind_of(sqlite3_extended_errcode(db)), std::move(message));
}

Status execute(sqlite3* db, const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        return failed(db, "statement");
    return {};
}

/// One prepared statement; bound values must outlive step().
class Statement {
  public:
    static Result<Statement> prepare(sqlite3* db, const std::string& sql) {
        sqlite3_stmt* handle = nullptr;
        if (sqlite3_prepare_v2(db, sql.c_str(), static_cast<int>(sql.size()), &handle, nullptr) !=
            SQLITE_OK)
            return failed(db, "prepare");
        return Statement(db, handle);
    }
    void bind(const std::string& text) {
        sqlite3_bind_text(handle_.get(), ++bound_, text.c_str(), static_cast<int>(text.size()),
                          SQLITE_STATIC);
    }
    void bind(std::int64_t number) { sqlite3_bind_int64(handle_.get(), ++bound_, number); }
    /// True if there is a row.
    Result<bool> step() {
        switch (sqlite3_step(handle_.get())) {
        case SQLITE_ROW: return true;
        case SQLITE_DONE: return false;
        default: return failed(db_, "step");
        }
    }
    std::int64_t integer(int column) { return sqlite3_column_int64(handle_.get(), column); }
    std::string text(int column) {
        const auto* data =
            reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
        return data == nullptr ? std::string()
                               : std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(
                                                       handle_.get(), column)));
    }

  private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    Statement(sqlite3* db, sqlite3_stmt* handle) : db_(db), handle_(handle) {}
    sqlite3* db_;
    std::unique_ptr<sqlite3_stmt, Finalize> handle_;
    int bound_ = 0;
};

/// 0 for a new file.
Result<std::int64_t> stored_version(sqlite3* db) {
    auto statement = MSB_TRY(Statement::prepare(db, "PRAGMA user_version"));
    MSB_TRY(statement.step());
    return statement.integer(0);
}

/// Runs `body` in one write transaction; any error rolls back.
template <typename Body> Status transaction(sqlite3* db, Body body) {
    MSB_TRY(execute(db, "BEGIN IMMEDIATE"));
    Status done = body();
    if (done)
        done = execute(db, "COMMIT");
    if (!done)
        (void)execute(db, "ROLLBACK");
    return done;
}

Status insert(sqlite3* db, const SandboxSpec& spec) {
    auto clear = MSB_TRY(Statement::prepare(db, "DELETE FROM sandbox WHERE name = ?"));
    clear.bind(spec.name);
    MSB_TRY(clear.step());
    auto row = MSB_TRY(Statement::prepare(
        db, "INSERT INTO sandbox (name, image, manifest_digest, ephemeral, created_at_ns) "
            "VALUES (?, ?, ?, ?, ?)"));
    row.bind(spec.name);
    row.bind(spec.image);
    row.bind(spec.manifest_digest);
    row.bind(std::int64_t{spec.ephemeral});
    row.bind(spec.created_at_ns);
    MSB_TRY(row.step());
    const std::int64_t id = sqlite3_last_insert_rowid(db);
    for (const auto& [key, value] : spec.labels) {
        auto label = MSB_TRY(Statement::prepare(
            db, "INSERT INTO sandbox_label (sandbox_id, key, value) VALUES (?, ?, ?)"));
        label.bind(id);
        label.bind(key);
        label.bind(value);
        MSB_TRY(label.step());
    }
    return {};
}

} // namespace

void Catalogue::Close::operator()(sqlite3* db) const {
    sqlite3_close_v2(db);
}

Result<Catalogue> Catalogue::open_database(const std::string& path) {
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    Catalogue catalogue{Database(handle)};
    if (code != SQLITE_OK)
        return failed(handle, "open '" + path + "'");
    sqlite3_busy_timeout(handle, busy_timeout_ms);
    MSB_TRY(execute(handle, "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL"));
    const std::int64_t found = MSB_TRY(stored_version(handle));
    if (found > schema_version)
        return fail(Error(ErrorKind::unsupported, "'" + path + "' was written by a newer msb")
                        .with_hint("use that msb, or another MSB_HOME"));
    if (found < schema_version) {
        MSB_TRY(execute(handle, "PRAGMA journal_mode = WAL"));
        MSB_TRY(transaction(handle, [&] { return execute(handle, schema); }));
    }
    return catalogue;
}

Result<Catalogue> Catalogue::open(const Home& home) {
    const std::string path = home.database();
    const bool existed = exists(path);
    auto opened = open_database(path);
    if (!opened && opened.error().kind() == ErrorKind::corrupt) {
        // It is only an index: keep the broken one for inspection and build a new one.
        MSB_TRY(sys::rename(path, path + ".broken-" + std::to_string(unix_time_ns())));
        MSB_TRY(sys::unlink(path + "-wal"));
        MSB_TRY(sys::unlink(path + "-shm"));
        opened = open_database(path);
        if (opened)
            MSB_TRY(opened->rebuild(home));
    } else if (opened && !existed) {
        MSB_TRY(opened->rebuild(home));
    }
    return opened;
}

Status Catalogue::rebuild(const Home& home) {
    std::vector<SandboxSpec> specs;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(home.sandboxes().c_str()), ::closedir);
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
        const SandboxFiles files{home.sandbox(entry->d_name)};
        const auto text = read_regular_file(files.spec());
        auto spec = text ? SandboxSpec::from_json(*text) : Result<SandboxSpec>(SandboxSpec{});
        if (spec && spec->name == entry->d_name)
            specs.push_back(std::move(*spec));
    }
    std::sort(specs.begin(), specs.end(),
              [](const auto& a, const auto& b) { return a.created_at_ns < b.created_at_ns; });
    return transaction(db_.get(), [&]() -> Status {
        for (const SandboxSpec& spec : specs)
            MSB_TRY(insert(db_.get(), spec));
        return {};
    });
}

Status Catalogue::put(const SandboxSpec& spec) {
    return transaction(db_.get(), [&] { return insert(db_.get(), spec); });
}

Status Catalogue::erase(const std::string& name) {
    auto statement = MSB_TRY(Statement::prepare(db_.get(), "DELETE FROM sandbox WHERE name = ?"));
    statement.bind(name);
    MSB_TRY(statement.step());
    return {};
}

Result<std::vector<CatalogueRow>> Catalogue::list(const LabelSelector& labels) {
    std::string sql = "SELECT id, name FROM sandbox s WHERE 1";
    for (std::size_t i = 0; i < labels.size(); ++i)
        sql += " AND EXISTS (SELECT 1 FROM sandbox_label l WHERE l.sandbox_id = s.id"
               " AND l.key = ? AND l.value = ?)";
    auto statement = MSB_TRY(Statement::prepare(db_.get(), sql + " ORDER BY id DESC"));
    for (const auto& [key, value] : labels) {
        statement.bind(key);
        statement.bind(value);
    }
    std::vector<CatalogueRow> rows;
    while (MSB_TRY(statement.step()))
        rows.push_back({statement.integer(0), statement.text(1)});
    return rows;
}

Status Catalogue::put_snapshot(const std::string& directory) {
    auto statement = MSB_TRY(
        Statement::prepare(db_.get(), "INSERT OR IGNORE INTO snapshot (directory) VALUES (?)"));
    statement.bind(directory);
    MSB_TRY(statement.step());
    return {};
}

Status Catalogue::erase_snapshot(const std::string& directory) {
    auto statement =
        MSB_TRY(Statement::prepare(db_.get(), "DELETE FROM snapshot WHERE directory = ?"));
    statement.bind(directory);
    MSB_TRY(statement.step());
    return {};
}

Result<std::vector<std::string>> Catalogue::snapshots() {
    auto statement =
        MSB_TRY(Statement::prepare(db_.get(), "SELECT directory FROM snapshot ORDER BY directory"));
    std::vector<std::string> directories;
    while (MSB_TRY(statement.step()))
        directories.push_back(statement.text(0));
    return directories;
}

Result<Catalogue*> LazyCatalogue::get() {
    if (!opened_)
        opened_ = MSB_TRY(Catalogue::open(home_));
    return &*opened_;
}

Status LazyCatalogue::put(const SandboxSpec& spec) {
    return MSB_TRY(get())->put(spec);
}

Status LazyCatalogue::erase(const std::string& name) {
    return MSB_TRY(get())->erase(name);
}

Result<std::vector<CatalogueRow>> LazyCatalogue::list(const LabelSelector& labels) {
    return MSB_TRY(get())->list(labels);
}

Status LazyCatalogue::put_snapshot(const std::string& directory) {
    return MSB_TRY(get())->put_snapshot(directory);
}

Status LazyCatalogue::erase_snapshot(const std::string& directory) {
    return MSB_TRY(get())->erase_snapshot(directory);
}

Result<std::vector<std::string>> LazyCatalogue::snapshots() {
    return MSB_TRY(get())->snapshots();
}

} // namespace msb
