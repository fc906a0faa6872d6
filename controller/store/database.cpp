#include "controller/store/database.hpp"

#include <cerrno>
#include <fcntl.h>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/unique_fd.hpp"

namespace weave::controller::store {
namespace {

Error error_of(int code, char const* reason, std::string const& path) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorKind::unavailable, fmt::format("state file {} is in use by another process", path)};
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return {ErrorKind::malformed, fmt::format("state file {} is damaged: {}", path, reason)};
    case SQLITE_FULL:
      return {ErrorKind::system, fmt::format("state file {}: no space is left on its disk; make room there", path)};
    default: return {ErrorKind::system, fmt::format("state file {}: {}", path, reason)};
  }
}

} // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int parameter, std::string_view text) {
  // SQLite takes a null pointer for NULL, also if the length is zero.
  auto const* const data = text.data() == nullptr ? "" : text.data();
  auto const result =
      sqlite3_bind_text64(statement_.get(), parameter, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
  return *this;
}

Statement& Statement::bind(int parameter, ByteView blob) {
  auto const* const data = blob.data() == nullptr ? static_cast<void const*>("") : blob.data();
  auto const result = sqlite3_bind_blob64(statement_.get(), parameter, data, blob.size(), SQLITE_TRANSIENT);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
  return *this;
}

Statement& Statement::bind(int parameter, std::int64_t number) {
  auto const result = sqlite3_bind_int64(statement_.get(), parameter, number);
  if (bind_result_ == SQLITE_OK) bind_result_ = result;
  return *this;
}

Result<bool> Statement::step() {
  auto const bound = std::exchange(bind_result_, SQLITE_OK);
  auto const code = bound == SQLITE_OK ? sqlite3_step(statement_.get()) : bound;
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return std::unexpected{error_of(code, sqlite3_errmsg(sqlite3_db_handle(statement_.get())), file_->path)};
}

Result<void> Statement::run() {
  auto const stepped = step();
  reset();
  file_->obstacle = stepped ? std::string{} : stepped.error().text();
  if (!stepped) return failure_of(stepped);
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::string Statement::text(int column) const {
  auto const* const data = sqlite3_column_text(statement_.get(), column);
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return data == nullptr ? std::string{} : std::string{reinterpret_cast<char const*>(data), size};
}

Bytes Statement::blob(int column) const {
  auto const* const data = static_cast<std::uint8_t const*>(sqlite3_column_blob(statement_.get(), column));
  auto const size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return data == nullptr ? Bytes{} : Bytes(data, data + size);
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<Database> Database::open(std::string const& path) {
  // Created here because SQLite would let everybody read it.
  UniqueFd const file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (file.get() < 0) return std::unexpected{system_error(fmt::format("state file {}", path), errno)};
  sqlite3* raw = nullptr;
  auto const code = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database{raw, path};
  if (code != SQLITE_OK) {
    return std::unexpected{error_of(code, raw == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(raw), path)};
  }
  if (auto const configured = database.configure(); !configured) return failure_of(configured);
  return database;
}

Result<void> Database::configure() {
  // One process only: a second daemon on the same file would hand out the same addresses.
  if (auto const done = run("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      !done) {
    return done;
  }
  // The lock is taken by the first write.
  if (auto const locked = run("BEGIN EXCLUSIVE; COMMIT;"); !locked) return locked;
  auto const healthy = text("PRAGMA quick_check(1)");
  if (!healthy) return failure_of(healthy);
  if (*healthy != "ok") {
    return failure(ErrorKind::malformed, fmt::format("state file {} is damaged: {}", path(), *healthy));
  }
  return {};
}

Result<void> Database::run(std::string const& sql) {
  auto const code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  auto error = error_of(code, sqlite3_errmsg(database_.get()), path());
  file_->obstacle = error.text();
  return std::unexpected{std::move(error)};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  auto const code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                       SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return std::unexpected{error_of(code, sqlite3_errmsg(database_.get()), path())};
  return Statement{raw, file_.get()};
}

Result<std::int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return failure_of(statement);
  auto const row = statement->step();
  if (!row) return failure_of(row);
  return *row ? statement->number(0) : 0;
}

Result<std::string> Database::text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return failure_of(statement);
  auto const row = statement->step();
  if (!row) return failure_of(row);
  return *row ? statement->text(0) : std::string{};
}

Result<Transaction> Transaction::begin(Database& database) {
  if (auto const begun = database.run("BEGIN IMMEDIATE"); !begun) return failure_of(begun);
  return Transaction{database};
}

Transaction::~Transaction() {
  // A failed roll-back leaves nothing to do: the file is as before the transaction.
  if (database_ == nullptr) return;
  auto reason = database_->file_->obstacle;
  static_cast<void>(database_->run("ROLLBACK"));
  database_->file_->obstacle = std::move(reason);
}

Result<void> Transaction::commit() {
  if (auto const done = database_->run("COMMIT"); !done) return done;
  database_->file_->obstacle.clear();
  database_ = nullptr;
  return {};
}

} // namespace weave::controller::store
