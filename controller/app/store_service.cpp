#include "controller/app/store_service.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "controller/store/state_store.hpp"

namespace weave::controller {
namespace {

using Table = store::StateStore::Table;

constexpr std::string_view kShortIdSetting = "short_id";
constexpr std::string_view kExposuresSetting = "exposures";
constexpr std::string_view kHandFiledSetting = "addresses without id";
constexpr std::string_view kAttachmentsSetting = "attachments";

class IpamRowsStore final : public ipam::IpamStore {
 public:
  explicit IpamRowsStore(store::StateStore& store) : store_{store} {}

  Result<ipam::StoredIpam> load() override {
    auto rows = store_.load_ipam();
    if (!rows) return failure_of(rows);
    return ipam::StoredIpam{.state = std::move(rows->state), .owned = std::move(rows->owned)};
  }
  Result<void> save(ipam::IpamChange const& change) override { return store_.save_ipam(change.state, change.owned); }

 private:
  store::StateStore& store_;
};

/// The drivers' keys are `network/<id>` and `endpoint/<id>`; each kind has its own table.
class DriverRecordStore final : public plugin::DriverStore {
 public:
  explicit DriverRecordStore(store::StateStore& store) : store_{store} {}

  Result<void> put(std::string const& key, std::string const& text) override {
    auto const row = row_of(key);
    if (!row) return failure_of(row);
    return store_.put(row->first, row->second, text);
  }
  Result<void> erase(std::string const& key) override {
    auto const row = row_of(key);
    if (!row) return failure_of(row);
    return store_.erase(row->first, row->second);
  }
  Result<std::map<std::string, std::string>> load_all() const override {
    std::map<std::string, std::string> records;
    for (auto const& [prefix, table] : kTables) {
      auto rows = store_.list(table);
      if (!rows) return failure_of(rows);
      for (auto& [key, text] : *rows) records.emplace(std::string{prefix} + key, std::move(text));
    }
    return records;
  }

 private:
  static constexpr std::array<std::pair<std::string_view, Table>, 2> kTables{
      {{"network/", Table::networks}, {"endpoint/", Table::endpoints}}};

  static Result<std::pair<Table, std::string_view>> row_of(std::string_view key) {
    for (auto const& [prefix, table] : kTables) {
      if (key.starts_with(prefix)) return std::pair{table, key.substr(prefix.size())};
    }
    return failure(ErrorKind::malformed, "no table for driver record " + std::string{key});
  }

  store::StateStore& store_;
};

/// A key is address, hostname and container id, with a blank between: only the last may contain one.
class NameRowsStore final : public dns::NameStore {
 public:
  explicit NameRowsStore(store::StateStore& store) : store_{store} {}

  Result<std::vector<Row>> load() override {
    auto const rows = store_.load_names();
    if (!rows) return failure_of(rows);
    std::vector<Row> names;
    for (auto const& [key, wish] : *rows) {
      auto name = parse_key(key);
      if (!name) return failure_of(name);
      names.emplace_back(*std::move(name), wish == kAbsent ? dns::Wish::absent : dns::Wish::present);
    }
    return names;
  }
  Result<void> save(std::vector<Change> const& changes) override {
    std::vector<std::pair<std::string, std::optional<std::string>>> rows;
    for (auto const& [name, wish] : changes) {
      auto& row = rows.emplace_back(key_of(name), std::nullopt);
      if (wish) row.second = *wish == dns::Wish::absent ? kAbsent : kPresent;
    }
    return store_.save_names(rows);
  }

 private:
  static constexpr std::string_view kPresent = "present";
  static constexpr std::string_view kAbsent = "absent";

  static std::string key_of(dns::OwnName const& name) {
    return fmt::format("{} {} {}", name.address.to_string(), name.hostname, name.container_id);
  }
  static Result<dns::OwnName> parse_key(std::string_view key) {
    auto const first = key.find(' ');
    auto const second = first == std::string_view::npos ? first : key.find(' ', first + 1);
    if (second == std::string_view::npos) return failure(ErrorKind::malformed, fmt::format("stored name {}", key));
    auto const address = Ipv4Address::parse(key.substr(0, first));
    if (!address) return failure_of(address);
    return dns::OwnName{.container_id = std::string{key.substr(second + 1)},
                        .hostname = std::string{key.substr(first + 1, second - first - 1)},
                        .address = *address};
  }

  store::StateStore& store_;
};

class SqliteStoreService final : public StoreService {
 public:
  SqliteStoreService(std::unique_ptr<store::StateStore> store, std::optional<PeerName> name,
                     std::optional<ShortId> short_id, std::vector<std::string> targets, std::string exposures,
                     std::string hand_filed, std::string attachments)
      : store_{std::move(store)},
        name_{name},
        short_id_{short_id},
        targets_{std::move(targets)},
        exposures_{std::move(exposures)},
        hand_filed_{std::move(hand_filed)},
        attachments_{std::move(attachments)} {}

  std::string obstacle() const override { return store_->obstacle(); }
  std::optional<PeerName> peer_name() const override { return name_; }
  Result<void> set_peer_name(PeerName name) override {
    if (name_ == name) return {};
    auto const saved = store_->set_peer_name(name);
    if (saved) name_ = name;
    return saved;
  }
  std::optional<ShortId> short_id() const override { return short_id_; }
  Result<void> set_short_id(ShortId id) override {
    if (short_id_ == id) return {};
    auto const saved = store_->set_setting(kShortIdSetting, std::to_string(std::to_underlying(id)));
    if (saved) short_id_ = id;
    return saved;
  }
  std::vector<std::string> targets() const override { return targets_; }
  Result<void> set_targets(std::vector<std::string> const& targets) override {
    if (targets_ == targets) return {};
    if (auto const saved = store_->set_targets(targets); !saved) return saved;
    targets_ = targets;
    return {};
  }
  std::string exposures() const override { return exposures_; }
  Result<void> set_exposures(std::string const& text) override {
    if (exposures_ == text) return {};
    if (auto const saved = store_->set_setting(kExposuresSetting, text); !saved) return saved;
    exposures_ = text;
    return {};
  }
  Result<void> inherit(Inheritance const& inheritance) override {
    store::StateStore::Inheritance rows{.name = inheritance.name, .ipam = {}, .targets = inheritance.targets};
    if (auto const& known = inheritance.ipam) rows.ipam = {.state = known->state, .owned = known->owned};
    if (auto const done = store_->inherit(rows); !done) return done;
    name_ = inheritance.name;
    targets_ = inheritance.targets;
    return {};
  }
  std::string hand_filed() const override { return hand_filed_; }
  Result<void> set_hand_filed(std::string const& text) override {
    auto saved = store_->set_setting(kHandFiledSetting, text);
    if (saved) hand_filed_ = text;
    return saved;
  }
  std::string attachments() const override { return attachments_; }
  Result<void> set_attachments(std::string const& text) override {
    auto saved = store_->set_setting(kAttachmentsSetting, text);
    if (saved) attachments_ = text;
    return saved;
  }
  ipam::IpamStore& ipam() override { return ipam_; }
  plugin::DriverStore& drivers() override { return drivers_; }
  dns::NameStore& names() override { return names_; }

 private:
  std::unique_ptr<store::StateStore> store_;
  std::optional<PeerName> name_;
  std::optional<ShortId> short_id_;
  std::vector<std::string> targets_;
  std::string exposures_;
  std::string hand_filed_;
  std::string attachments_;
  IpamRowsStore ipam_{*store_};
  DriverRecordStore drivers_{*store_};
  NameRowsStore names_{*store_};
};

/// Nothing for a text that is none: another will be drawn.
std::optional<ShortId> parse_short_id(std::optional<std::string> const& text) {
  if (!text) return std::nullopt;
  std::uint16_t number = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc{} || end != text->data() + text->size() || number > kShortIdMax) return std::nullopt;
  return ShortId{number};
}

/// A daemon that is just ending holds the file for a moment.
Result<std::unique_ptr<store::StateStore>> open_when_free(std::string const& path) {
  constexpr int kTries = 20;
  constexpr std::chrono::milliseconds kPause{100};
  auto opened = store::StateStore::open(path);
  for (int i = 1; i < kTries && !opened && opened.error().kind() == ErrorKind::unavailable; ++i) {
    std::this_thread::sleep_for(kPause);
    opened = store::StateStore::open(path);
  }
  return opened;
}

} // namespace

Result<std::unique_ptr<StoreService>> StoreService::open(std::string const& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path{path}.parent_path(), error);
  if (error) return failure(ErrorKind::system, fmt::format("state file {}: {}", path, error.message()));
  auto opened = open_when_free(path);
  if (!opened) return failure_of(opened);
  auto const name = (*opened)->peer_name();
  if (!name) return failure_of(name);
  auto targets = (*opened)->targets();
  if (!targets) return failure_of(targets);
  auto const short_id = (*opened)->setting(kShortIdSetting);
  if (!short_id) return failure_of(short_id);
  auto const exposures = (*opened)->setting(kExposuresSetting);
  if (!exposures) return failure_of(exposures);
  auto const hand_filed = (*opened)->setting(kHandFiledSetting);
  if (!hand_filed) return failure_of(hand_filed);
  auto const attachments = (*opened)->setting(kAttachmentsSetting);
  if (!attachments) return failure_of(attachments);
  return std::make_unique<SqliteStoreService>(std::move(*opened), *name, parse_short_id(*short_id), std::move(*targets),
                                              exposures->value_or(""), hand_filed->value_or(""),
                                              attachments->value_or(""));
}

} // namespace weave::controller
