#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/peer_name.hpp"
#include "base/result.hpp"
#include "controller/store/database.hpp"

namespace weave::controller::store {

/// What the daemon must remember: `/var/lib/weave/state.db`. Every change is one transaction and on stable storage when
/// the call returns; after a crash the file holds all changes that returned and none in part. One process at a time.
/// Control thread only. Contents of the tables are texts and bytes that only their owners understand.
///
/// Errors name the file: unavailable `state file <path> is in use by another process`; malformed `state file <path> is
/// damaged: <why>`, `... was written by a newer version (...)`, `... belongs to another program`; system otherwise. A
/// damaged file is never repaired or replaced: it may hold the only knowledge of who has which address.
class StateStore {
 public:
  /// Creates the file if there is none; its directory must exist.
  [[nodiscard]] static Result<std::unique_ptr<StateStore>> open(std::string const& path);

  [[nodiscard]] std::string const& path() const { return database_.path(); }
  /// Why the last change was not stored; empty when it was.
  [[nodiscard]] std::string const& obstacle() const { return database_.obstacle(); }

  /// Our own name, so that a restarted daemon is the same peer.
  [[nodiscard]] Result<std::optional<PeerName>> peer_name();
  [[nodiscard]] Result<void> set_peer_name(PeerName name);

  /// Address allocation (shapes of controller/ipam/ipam_ports.hpp).
  struct Ipam {
    Bytes state;
    std::vector<std::pair<std::string, std::string>> owned;
  };
  [[nodiscard]] Result<Ipam> load_ipam();
  [[nodiscard]] Result<void> save_ipam(std::optional<Bytes> const& state,
                                       std::vector<std::pair<std::string, std::optional<std::string>>> const& owned);

  /// What people have said about names (shapes of controller/dns/name_store.hpp).
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> load_names();
  [[nodiscard]] Result<void> save_names(std::vector<std::pair<std::string, std::optional<std::string>>> const& changes);

  /// Tables of JSON texts by key.
  enum class Table { networks, endpoints };
  [[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> list(Table table);
  [[nodiscard]] Result<std::optional<std::string>> get(Table table, std::string_view key);
  [[nodiscard]] Result<void> put(Table table, std::string_view key, std::string_view json);
  /// Not an error if there is no such key.
  [[nodiscard]] Result<void> erase(Table table, std::string_view key);

  /// The direct targets, in the order in which they were given.
  [[nodiscard]] Result<std::vector<std::string>> targets();
  [[nodiscard]] Result<void> set_targets(std::vector<std::string> const& targets);

  /// What a first start takes over from another program; shapes as above.
  struct Inheritance {
    PeerName name;
    /// Nothing: what is known of address allocation here stays as it is.
    std::optional<Ipam> ipam;
    std::vector<std::string> targets;
  };
  /// All of it or, after a crash, nothing.
  [[nodiscard]] Result<void> inherit(Inheritance const& inheritance);

  /// Set while the daemon runs as it was launched: found at start, it means a restart, which goes on with the stored
  /// targets instead of those of the command line (protocol/surfaces.md §3.4).
  [[nodiscard]] Result<bool> restart_mark();
  [[nodiscard]] Result<void> set_restart_mark(bool set);

  /// The allocation range that the daemon last ran with.
  [[nodiscard]] Result<std::optional<Ipv4Cidr>> universe();
  [[nodiscard]] Result<void> set_universe(Ipv4Cidr universe);

  /// Small values by name, for what has no method of its own.
  [[nodiscard]] Result<std::optional<std::string>> setting(std::string_view name);
  [[nodiscard]] Result<void> set_setting(std::string_view name, std::optional<std::string_view> value);

 private:
  /// Files of earlier versions lack them; earlier versions do not mind them.
  static constexpr auto kLaterTables =
      "CREATE TABLE IF NOT EXISTS name (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";

  using Rows = std::vector<std::pair<std::string, std::string>>;
  struct KeyedTable {
    Statement list;
    Statement get;
    Statement put;
    Statement erase;
  };

  explicit StateStore(Database database) : database_{std::move(database)} {}
  [[nodiscard]] Result<void> prepare();
  [[nodiscard]] Result<void> create_schema();
  [[nodiscard]] Result<void> create_later_tables() { return database_.run(kLaterTables); }
  [[nodiscard]] Result<KeyedTable> prepare_table(std::string_view table);
  [[nodiscard]] KeyedTable& statements(Table table) { return table == Table::networks ? networks_ : endpoints_; }
  [[nodiscard]] static Result<Rows> rows_of(KeyedTable& table);
  [[nodiscard]] static Result<std::optional<std::string>> value_of(KeyedTable& table, std::string_view key);
  // Parts of transactions.
  [[nodiscard]] Result<void> write_ipam_state(Bytes const& state);
  [[nodiscard]] Result<void> write_targets(std::vector<std::string> const& targets);
  [[nodiscard]] static Result<void> write(KeyedTable& table, std::string_view key,
                                          std::optional<std::string_view> value);

  Database database_;
  KeyedTable settings_;
  KeyedTable owned_;
  KeyedTable networks_;
  KeyedTable endpoints_;
  KeyedTable names_;
  Statement get_blob_;
  Statement put_blob_;
};

} // namespace weave::controller::store
