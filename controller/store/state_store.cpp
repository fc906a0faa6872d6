#include "controller/store/state_store.hpp"

#include <fmt/format.h>

namespace weave::controller::store {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
/// "WEAV", which file(1) and we recognise the file by.
constexpr std::int64_t kApplicationId = 0x57454156;

constexpr auto kSchema = R"(
  CREATE TABLE setting  (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE blob     (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE owned    (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE network  (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE endpoint (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE target   (position INTEGER PRIMARY KEY, address TEXT NOT NULL);
)";

constexpr std::string_view kPeerName = "peer_name";
constexpr std::string_view kRestartMark = "restart";
constexpr std::string_view kUniverse = "universe";
constexpr std::string_view kIpamState = "ipam";

} // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(std::string const& path) {
  auto database = Database::open(path);
  if (!database) return failure_of(database);
  std::unique_ptr<StateStore> store{new StateStore{*std::move(database)}};
  if (auto const created = store->create_schema(); !created) return failure_of(created);
  if (auto const added = store->create_later_tables(); !added) return failure_of(added);
  if (auto const prepared = store->prepare(); !prepared) return failure_of(prepared);
  return store;
}

Result<void> StateStore::create_schema() {
  auto const application = database_.number("PRAGMA application_id");
  auto const version = database_.number("PRAGMA user_version");
  auto const objects = database_.number("SELECT count(*) FROM sqlite_master");
  if (!objects) return failure_of(objects);
  if (*application == kApplicationId && *version == kSchemaVersion) return {};
  if (*application == kApplicationId) {
    return failure(ErrorKind::malformed,
                   fmt::format("state file {} was written by a newer version (format {}, this program knows {})",
                               path(), *version, kSchemaVersion));
  }
  if (*application != 0 || *objects != 0) {
    return failure(ErrorKind::malformed, fmt::format("state file {} belongs to another program", path()));
  }
  auto transaction = Transaction::begin(database_);
  if (!transaction) return failure_of(transaction);
  if (auto const done = database_.run(kSchema); !done) return done;
  auto const marks =
      fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {};", kApplicationId, kSchemaVersion);
  if (auto const done = database_.run(marks); !done) return done;
  return transaction->commit();
}

Result<void> StateStore::prepare() {
  for (auto const& [table, name] :
       {std::pair{&settings_, "setting"}, std::pair{&owned_, "owned"}, std::pair{&networks_, "network"},
        std::pair{&endpoints_, "endpoint"}, std::pair{&names_, "name"}}) {
    auto prepared = prepare_table(name);
    if (!prepared) return failure_of(prepared);
    *table = *std::move(prepared);
  }
  auto get = database_.prepare("SELECT value FROM blob WHERE key = ?1");
  if (!get) return failure_of(get);
  get_blob_ = *std::move(get);
  auto put = database_.prepare("INSERT OR REPLACE INTO blob (key, value) VALUES (?1, ?2)");
  if (!put) return failure_of(put);
  put_blob_ = *std::move(put);
  return {};
}

Result<StateStore::KeyedTable> StateStore::prepare_table(std::string_view table) {
  KeyedTable prepared;
  for (auto const& [statement, sql] :
       {std::pair{&prepared.list, fmt::format("SELECT key, value FROM {} ORDER BY key", table)},
        std::pair{&prepared.get, fmt::format("SELECT value FROM {} WHERE key = ?1", table)},
        std::pair{&prepared.put, fmt::format("INSERT OR REPLACE INTO {} (key, value) VALUES (?1, ?2)", table)},
        std::pair{&prepared.erase, fmt::format("DELETE FROM {} WHERE key = ?1", table)}}) {
    auto made = database_.prepare(sql);
    if (!made) return failure_of(made);
    *statement = *std::move(made);
  }
  return prepared;
}

Result<StateStore::Rows> StateStore::rows_of(KeyedTable& table) {
  Rows rows;
  auto row = table.list.step();
  for (; row && *row; row = table.list.step()) rows.emplace_back(table.list.text(0), table.list.text(1));
  table.list.reset();
  if (!row) return failure_of(row);
  return rows;
}

Result<std::optional<std::string>> StateStore::value_of(KeyedTable& table, std::string_view key) {
  auto const row = table.get.bind(1, key).step();
  std::optional<std::string> value;
  if (row && *row) value = table.get.text(0);
  table.get.reset();
  if (!row) return failure_of(row);
  return value;
}

Result<void> StateStore::write(KeyedTable& table, std::string_view key, std::optional<std::string_view> value) {
  if (value) return table.put.bind(1, key).bind(2, *value).run();
  return table.erase.bind(1, key).run();
}

Result<StateStore::Ipam> StateStore::load_ipam() {
  Ipam ipam;
  auto const row = get_blob_.bind(1, kIpamState).step();
  if (row && *row) ipam.state = get_blob_.blob(0);
  get_blob_.reset();
  if (!row) return failure_of(row);
  auto owned = rows_of(owned_);
  if (!owned) return failure_of(owned);
  ipam.owned = *std::move(owned);
  return ipam;
}

Result<void> StateStore::save_ipam(std::optional<Bytes> const& state,
                                   std::vector<std::pair<std::string, std::optional<std::string>>> const& owned) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return failure_of(transaction);
  if (state) {
    if (auto const done = write_ipam_state(*state); !done) return done;
  }
  for (auto const& [id, row] : owned) {
    if (auto const done = write(owned_, id, row); !done) return done;
  }
  return transaction->commit();
}

Result<void> StateStore::write_ipam_state(Bytes const& state) {
  return put_blob_.bind(1, kIpamState).bind(2, ByteView{state}).run();
}

Result<std::vector<std::pair<std::string, std::string>>> StateStore::load_names() { return rows_of(names_); }

Result<void> StateStore::save_names(std::vector<std::pair<std::string, std::optional<std::string>>> const& changes) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return failure_of(transaction);
  for (auto const& [key, value] : changes) {
    if (auto const done = write(names_, key, value); !done) return done;
  }
  return transaction->commit();
}

Result<std::vector<std::pair<std::string, std::string>>> StateStore::list(Table table) {
  return rows_of(statements(table));
}

Result<std::optional<std::string>> StateStore::get(Table table, std::string_view key) {
  return value_of(statements(table), key);
}

Result<void> StateStore::put(Table table, std::string_view key, std::string_view json) {
  return write(statements(table), key, json);
}

Result<void> StateStore::erase(Table table, std::string_view key) {
  return write(statements(table), key, std::nullopt);
}

Result<std::vector<std::string>> StateStore::targets() {
  auto statement = database_.prepare("SELECT address FROM target ORDER BY position");
  if (!statement) return failure_of(statement);
  std::vector<std::string> targets;
  auto row = statement->step();
  for (; row && *row; row = statement->step()) targets.push_back(statement->text(0));
  if (!row) return failure_of(row);
  return targets;
}

Result<void> StateStore::set_targets(std::vector<std::string> const& targets) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return failure_of(transaction);
  if (auto const done = write_targets(targets); !done) return done;
  return transaction->commit();
}

Result<void> StateStore::write_targets(std::vector<std::string> const& targets) {
  auto insert = database_.prepare("INSERT INTO target (address) VALUES (?1)");
  if (!insert) return failure_of(insert);
  if (auto const done = database_.run("DELETE FROM target"); !done) return done;
  for (auto const& target : targets) {
    if (auto const done = insert->bind(1, target).run(); !done) return done;
  }
  return {};
}

Result<void> StateStore::inherit(Inheritance const& inheritance) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return failure_of(transaction);
  if (auto const done = set_peer_name(inheritance.name); !done) return done;
  if (auto const done = write_targets(inheritance.targets); !done) return done;
  if (auto const& ipam = inheritance.ipam) {
    if (auto const done = write_ipam_state(ipam->state); !done) return done;
    for (auto const& [id, row] : ipam->owned) {
      if (auto const done = write(owned_, id, row); !done) return done;
    }
  }
  return transaction->commit();
}

Result<std::optional<std::string>> StateStore::setting(std::string_view name) { return value_of(settings_, name); }

Result<void> StateStore::set_setting(std::string_view name, std::optional<std::string_view> value) {
  return write(settings_, name, value);
}

Result<std::optional<PeerName>> StateStore::peer_name() {
  auto const text = setting(kPeerName);
  if (!text) return failure_of(text);
  if (!*text) return std::optional<PeerName>{};
  auto const name = PeerName::parse(**text);
  if (!name) {
    return failure(ErrorKind::malformed, fmt::format("state file {} is damaged: {}", path(), name.error().text()));
  }
  return std::optional{*name};
}

Result<void> StateStore::set_peer_name(PeerName name) { return set_setting(kPeerName, name.to_string()); }

Result<bool> StateStore::restart_mark() {
  auto const text = setting(kRestartMark);
  if (!text) return failure_of(text);
  return text->has_value();
}

Result<void> StateStore::set_restart_mark(bool set) {
  return set_setting(kRestartMark, set ? std::optional<std::string_view>{"1"} : std::nullopt);
}

Result<std::optional<Ipv4Cidr>> StateStore::universe() {
  auto const text = setting(kUniverse);
  if (!text) return failure_of(text);
  if (!*text) return std::optional<Ipv4Cidr>{};
  auto const cidr = Ipv4Cidr::parse(**text);
  if (!cidr) {
    return failure(ErrorKind::malformed, fmt::format("state file {} is damaged: {}", path(), cidr.error().text()));
  }
  return std::optional{*cidr};
}

Result<void> StateStore::set_universe(Ipv4Cidr universe) { return set_setting(kUniverse, universe.to_string()); }

} // namespace weave::controller::store
