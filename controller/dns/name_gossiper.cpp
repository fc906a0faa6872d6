#include "controller/dns/name_gossiper.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>
#include <utility>

namespace weave::controller::dns {
namespace {

constexpr Duration kTick = std::chrono::seconds{1};
constexpr Duration kExpiryRound = std::chrono::minutes{1};
/// Names of a peer that does not turn up meanwhile are dropped; if it does later, its own gossip brings them.
constexpr Duration kStrangerStay = std::chrono::seconds{30};
constexpr std::size_t kMaxStrangers = 256;
constexpr std::size_t kMaxNamesOfStranger = 20'000;
/// Peers join in crowds: their arrival is answered once for all, and not too often.
constexpr Duration kIntroductionDelay = std::chrono::milliseconds{500};
constexpr std::uint64_t kIntroductionJitterMs = 500;
constexpr Duration kIntroductionInterval = std::chrono::seconds{3};
/// Long enough for names to have come by themselves.
constexpr Duration kPatience = std::chrono::seconds{2};

/// What the original bears.
constexpr std::int64_t kMaxSkew = 900; // seconds
constexpr Duration kRepeatClockLog = std::chrono::minutes{10};
constexpr std::size_t kMaxClocks = 4096;

/// The first byte of unicasts.
constexpr std::uint8_t kNamesWanted = 1;
constexpr std::uint8_t kNames = 2;

std::int64_t unix_seconds(Scheduler const& scheduler) {
  return std::chrono::floor<std::chrono::seconds>(scheduler.wall_now()).time_since_epoch().count();
}

std::int64_t skew_of(std::int64_t timestamp, std::int64_t now) {
  std::int64_t difference = 0;
  return __builtin_sub_overflow(timestamp, now, &difference) ? std::numeric_limits<std::int64_t>::max() : difference;
}

bool is_bearable(std::int64_t skew) { return skew <= kMaxSkew && skew >= -kMaxSkew; }

} // namespace

struct NameGossiper::Shared {
  Shared(PeerName self, Scheduler& the_scheduler) : table{self}, scheduler{the_scheduler} {}

  /// Everything we know, encoded once for all neighbours that are told at the same time.
  std::vector<Bytes> const& encode_everything() {
    auto const now = unix_seconds(scheduler);
    if (encoded.empty() || encoded_revision != table.revision() || encoded_at != now) {
      encoded = encode_names_in_parts({.timestamp = now, .entries = table.entries()});
      encoded_revision = table.revision();
      encoded_at = now;
    }
    return encoded;
  }

  NameTable table;
  Scheduler& scheduler;
  std::vector<Bytes> encoded;
  std::uint64_t encoded_revision = 0;
  std::int64_t encoded_at = 0;
};

/// A number of names, or everything, as it is when it leaves.
class NameGossiper::NamesToSend final : public gossip::GossipData {
 public:
  explicit NamesToSend(std::shared_ptr<Shared> shared) : shared_{std::move(shared)} {}
  NamesToSend(std::shared_ptr<Shared> shared, NameMessage message)
      : shared_{std::move(shared)}, some_{std::make_shared<NameMessage>(std::move(message))} {}

  [[nodiscard]] std::vector<Bytes> encode() const override {
    return some_ ? encode_names_in_parts(*some_) : shared_->encode_everything();
  }
  void merge(GossipData const& newer) override {
    // Whatever is passed on has been merged into the table before.
    if (!some_) return;
    auto const& theirs = dynamic_cast<NamesToSend const&>(newer).some_;
    if (!theirs) {
      some_.reset();
      return;
    }
    // Copies for other connections share it.
    if (some_.use_count() > 1) some_ = std::make_shared<NameMessage>(*some_);
    for (auto const& [key, state] : theirs->entries) merge_into(some_->entries, key, state);
    some_->timestamp = std::max(some_->timestamp, theirs->timestamp);
  }
  [[nodiscard]] std::unique_ptr<GossipData> clone() const override { return std::make_unique<NamesToSend>(*this); }

 private:
  std::shared_ptr<Shared> shared_;
  /// Null: everything.
  std::shared_ptr<NameMessage> some_;
};

NameGossiper::NameGossiper(PeerName self, NamePorts ports)
    : self_{self}, ports_{std::move(ports)}, shared_{std::make_shared<Shared>(self, ports_.scheduler)} {}

NameGossiper::~NameGossiper() = default;

NameTable const& NameGossiper::table() const { return shared_->table; }

Moment NameGossiper::now() const { return {unix_seconds(ports_.scheduler), ports_.scheduler.now()}; }

void NameGossiper::start() {
  last_expiry_ = ports_.scheduler.now();
  // Neighbours are told everything when they connect.
  members_ = ports_.mesh.members();
  tick();
}

void NameGossiper::tick() {
  tick_timer_ = ports_.scheduler.after(kTick, [this] { tick(); });
  on_topology_changed();
  ask_for_names();
  auto const time = ports_.scheduler.now();
  std::erase_if(strangers_, [time](auto const& each) { return time - each.second.since > kStrangerStay; });
  if (time - last_expiry_ < kExpiryRound) return;
  last_expiry_ = time;
  shared_->table.expire(now());
}

void NameGossiper::add(std::string container_id, std::string hostname, Ipv4Address address) {
  auto const added = shared_->table.add(
      {.hostname = std::move(hostname), .origin = self_, .container_id = std::move(container_id), .address = address},
      now());
  publish();
  broadcast(added);
}

std::size_t NameGossiper::remove(NameFilter const& filter) {
  auto const removed = shared_->table.remove(filter, now());
  publish();
  broadcast(removed);
  return removed.size();
}

void NameGossiper::broadcast(NameSet const& names) {
  if (names.empty() || channel_ == nullptr) return;
  channel_->broadcast(NamesToSend{shared_, {.timestamp = now().unix_seconds, .entries = names}});
}

void NameGossiper::publish() {
  if (shared_->table.answers_changed()) published_.publish(shared_->table.snapshot());
}

std::unique_ptr<gossip::GossipData> NameGossiper::complete_state() { return std::make_unique<NamesToSend>(shared_); }

std::unique_ptr<gossip::GossipData> NameGossiper::some(NameSet names, std::int64_t timestamp) const {
  return std::make_unique<NamesToSend>(shared_, NameMessage{.timestamp = timestamp, .entries = std::move(names)});
}

Result<std::unique_ptr<gossip::GossipData>> NameGossiper::on_broadcast(PeerName source, ByteView payload) {
  auto message = decode_names(payload);
  if (!message) return failure_of(message);
  auto const sent_at = message->timestamp;
  auto received = merge(*std::move(message), source);
  // Others would drop their connection to us for the clock of somebody far away.
  auto const now = this->now().unix_seconds;
  auto const timestamp = is_bearable(skew_of(sent_at, now)) ? sent_at : now;
  return some(std::move(received.accepted), timestamp);
}

Result<std::unique_ptr<gossip::GossipData>> NameGossiper::on_gossip(PeerName source, ByteView payload) {
  auto message = decode_names(payload);
  if (!message) return failure_of(message);
  auto received = merge(*std::move(message), source);
  if (received.news.empty()) return nullptr;
  return some(std::move(received.news), now().unix_seconds);
}

NameTable::Received NameGossiper::merge(NameMessage message, PeerName source) {
  check_clock(message.timestamp, source);
  auto received = shared_->table.receive(
      std::move(message.entries), [this](PeerName peer) { return ports_.mesh.is_known(peer); }, now());
  publish();
  broadcast(received.corrections);
  keep_strangers(received.strangers);
  return received;
}

void NameGossiper::check_clock(std::int64_t timestamp, PeerName source) {
  auto const skew = skew_of(timestamp, now().unix_seconds);
  if (is_bearable(skew)) wrong_clocks_.erase(source);
  if (is_bearable(skew) || source.is_unknown()) return;
  if (wrong_clocks_.size() < kMaxClocks) wrong_clocks_[source] = skew;
  auto const time = ports_.scheduler.now();
  if (auto const at = clocks_complained_of_.find(source);
      at != clocks_complained_of_.end() && time - at->second < kRepeatClockLog) {
    return;
  }
  if (clocks_complained_of_.size() >= kMaxClocks) return;
  clocks_complained_of_[source] = time;
  ports_.log.warning(
      "the clock of peer {} differs from ours by {} s; peers running Weave Net 2 do not bear more than "
      "{} s",
      source.to_string(), skew, kMaxSkew);
}

void NameGossiper::keep_strangers(NameSet const& names) {
  for (auto const& [key, state] : names) {
    if (!strangers_.contains(key.origin) && strangers_.size() >= kMaxStrangers) continue;
    auto& stranger = strangers_[key.origin];
    stranger.since = ports_.scheduler.now();
    if (stranger.names.size() < kMaxNamesOfStranger) merge_into(stranger.names, key, state);
  }
}

void NameGossiper::admit_strangers() {
  NameSet names;
  for (auto at = strangers_.begin(); at != strangers_.end();) {
    auto const current = at++;
    if (!ports_.mesh.is_known(current->first)) continue;
    names.merge(current->second.names);
    strangers_.erase(current);
  }
  if (names.empty()) return;
  auto received = merge({.timestamp = now().unix_seconds, .entries = std::move(names)}, kUnknownPeer);
  if (received.news.empty() || channel_ == nullptr) return;
  channel_->gossip_neighbours(*some(std::move(received.news), now().unix_seconds));
}

void NameGossiper::on_peer_gone(PeerName peer) {
  shared_->table.forget_peer(peer);
  publish();
  to_ask_.erase(peer);
  clocks_complained_of_.erase(peer);
  wrong_clocks_.erase(peer);
  std::erase(members_, peer);
}

void NameGossiper::on_topology_changed() {
  auto members = ports_.mesh.members();
  if (members == members_) return;
  std::vector<PeerName> joined;
  std::ranges::set_difference(members, members_, std::back_inserter(joined));
  members_ = std::move(members);
  if (joined.empty()) return;
  for (auto const peer : joined) note_joined(peer);
  admit_strangers();
  plan_introduction();
}

void NameGossiper::note_joined(PeerName peer) {
  if (peer != self_) to_ask_[peer] = ports_.scheduler.now() + kPatience;
}

/// Our names for those who have just joined: gossip of neighbours would reach distant ones by chance or late.
void NameGossiper::plan_introduction() {
  if (std::exchange(introduction_planned_, true)) return;
  auto const jitter = std::chrono::milliseconds{ports_.random.below(kIntroductionJitterMs)};
  auto const earliest = last_introduction_ + kIntroductionInterval - ports_.scheduler.now();
  introduction_timer_ = ports_.scheduler.after(std::max<Duration>(kIntroductionDelay + jitter, earliest),
                                               [this] { introduce_ourselves(); });
}

void NameGossiper::introduce_ourselves() {
  introduction_planned_ = false;
  last_introduction_ = ports_.scheduler.now();
  broadcast(shared_->table.entries_of(self_));
}

/// What a peer told everybody may have been lost where only one side has noticed a partition.
void NameGossiper::ask_for_names() {
  auto const time = ports_.scheduler.now();
  for (auto at = to_ask_.begin(); at != to_ask_.end();) {
    auto const [peer, when] = *at;
    if (when > time) {
      ++at;
      continue;
    }
    at = to_ask_.erase(at);
    if (shared_->table.has_entries_of(peer) || channel_ == nullptr) continue;
    // A peer that cannot be reached will join again, and be asked again.
    static_cast<void>(channel_->unicast(peer, Bytes{kNamesWanted}));
  }
}

Result<void> NameGossiper::on_unicast(PeerName source, ByteView payload) {
  if (payload.empty()) return {};
  if (payload.front() == kNamesWanted) {
    auto const names = shared_->table.entries_of(self_);
    if (names.empty() || channel_ == nullptr) return {};
    for (auto const& part : encode_names_in_parts({.timestamp = now().unix_seconds, .entries = names})) {
      ByteWriter out;
      out.u8(kNames).raw(part);
      static_cast<void>(channel_->unicast(source, out.take()));
    }
  } else if (payload.front() == kNames) {
    auto message = decode_names(payload.subspan(1));
    if (!message) return failure_of(message);
    static_cast<void>(merge(*std::move(message), source));
  }
  return {};
}

} // namespace weave::controller::dns
