#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace weave::controller::store {

struct StateFile {
  std::string path;
  /// Why the last change was not stored; empty when it was.
  std::string obstacle = {};
};

/// One prepared statement of a Database, which must outlive it. Parameters count from 1, columns from 0. A statement is
/// bound, stepped until there is no row, and `reset` before the next use; `run` does the last two for statements
/// without rows. Error texts name the file.
class Statement {
 public:
  Statement() = default;

  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, ByteView blob);
  Statement& bind(int parameter, std::int64_t number);

  /// True if there is a row.
  [[nodiscard]] Result<bool> step();
  [[nodiscard]] Result<void> run();
  void reset();

  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] Bytes blob(int column) const;
  [[nodiscard]] std::int64_t number(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, StateFile* file) : statement_{statement}, file_{file} {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  StateFile* file_ = nullptr;
  /// The first failure to bind, reported by the next step.
  int bind_result_ = 0;
};

/// A SQLite file used by this process alone: write-ahead log, every commit on stable storage before it returns. Control
/// thread only. Errors: unavailable if another process uses the file; malformed if it is damaged; system otherwise.
class Database {
 public:
  /// Creates the file, readable by its owner only, if there is none.
  [[nodiscard]] static Result<Database> open(std::string const& path);

  [[nodiscard]] std::string const& path() const { return file_->path; }
  /// Why the last change was not stored; empty when it was.
  [[nodiscard]] std::string const& obstacle() const { return file_->obstacle; }
  /// One or more statements without parameters and results.
  [[nodiscard]] Result<void> run(std::string const& sql);
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  /// The first column of the first row, as for pragmas.
  [[nodiscard]] Result<std::int64_t> number(std::string_view sql);
  [[nodiscard]] Result<std::string> text(std::string_view sql);

 private:
  friend class Transaction;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  Database(sqlite3* database, std::string path)
      : database_{database}, file_{std::make_unique<StateFile>(std::move(path))} {}
  [[nodiscard]] Result<void> configure();

  std::unique_ptr<sqlite3, Close> database_;
  /// Its address is known to statements.
  std::unique_ptr<StateFile> file_;
};

/// All or nothing: what is not committed is rolled back.
class Transaction {
 public:
  [[nodiscard]] static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_{std::exchange(other.database_, nullptr)} {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  [[nodiscard]] Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_{&database} {}

  Database* database_;
};

} // namespace weave::controller::store
