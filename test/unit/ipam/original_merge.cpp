#include <optional>

#include "controller/ipam/ring_version.hpp"
#include "test/unit/ipam/original_peer.hpp"

namespace weave::test {
namespace {

namespace ipam = controller::ipam;

/// The walk over both rings of protocol/ipam-dns.md §4.9.
class OriginalMerge {
 public:
  OriginalMerge(ipam::RingState const& mine, ipam::RingState const& theirs, ipam::IntervalSet const& allocated)
      : mine_{mine}, theirs_{theirs}, allocated_{allocated} {}

  [[nodiscard]] Result<bool> walk() {
    std::size_t m = 0;
    std::size_t t = 0;
    while (m < mine_.tokens.size() && t < theirs_.tokens.size()) {
      auto const& ours = mine_.tokens[m];
      auto const& other = theirs_.tokens[t];
      if (ours.token < other.token) {
        keep(ours);
        ++m;
      } else if (other.token < ours.token) {
        if (splits(other) && used(other.token, ours.token)) return error(other);
        take(other);
        ++t;
      } else {
        auto const next = mine_.tokens[(m + 1) % mine_.tokens.size()].token;
        if (!same_token(ours, other, next)) return error(other);
        ++m;
        ++t;
      }
    }
    for (; m < mine_.tokens.size(); ++m) keep(mine_.tokens[m]);
    for (; t < theirs_.tokens.size(); ++t) {
      if (splits(theirs_.tokens[t])) return error(theirs_.tokens[t]);
      take(theirs_.tokens[t]);
    }
    return updated_;
  }
  [[nodiscard]] std::vector<ipam::RingToken> tokens() && { return std::move(tokens_); }

 private:
  [[nodiscard]] bool same_token(ipam::RingToken const& ours, ipam::RingToken const& other, Ipv4Address next) {
    bool const is_ours = ours.peer == mine_.peer;
    if (ours.version > other.version || (ours.version == other.version && ours.peer == other.peer)) {
      keep(ours);
    } else if (ours.version == other.version) {
      if (is_ours && used(ours.token, next)) return false;
      ours.free >= other.free ? keep(ours) : take(other);
    } else if (!is_ours) {
      take(other);
    } else if (other.peer == mine_.peer) {
      tokens_.push_back(ours);
      tokens_.back().version = ipam::next_version(other.version);
    } else if (!used(ours.token, next)) {
      take(other);
    } else {
      return false;
    }
    return true;
  }
  void keep(ipam::RingToken const& entry) {
    tokens_.push_back(entry);
    previous_ = entry.peer;
  }
  void take(ipam::RingToken const& entry) {
    tokens_.push_back(entry);
    previous_.reset();
    updated_ = true;
  }
  [[nodiscard]] bool splits(ipam::RingToken const& entry) const {
    return previous_ == mine_.peer && entry.peer != mine_.peer;
  }
  [[nodiscard]] bool used(Ipv4Address from, Ipv4Address to) const {
    for (auto const& part : ipam::split_at_origin(mine_.universe, from, to)) {
      if (allocated_.overlaps(part)) return true;
    }
    return false;
  }
  [[nodiscard]] static std::unexpected<Error> error(ipam::RingToken const& entry) {
    return failure(ErrorKind::refused, "conflict at " + entry.token.to_string());
  }

  ipam::RingState const& mine_;
  ipam::RingState const& theirs_;
  ipam::IntervalSet const& allocated_;
  std::vector<ipam::RingToken> tokens_;
  std::optional<PeerName> previous_;
  bool updated_ = false;
};

} // namespace

Result<bool> merge_as_original(ipam::RingState& mine, ipam::RingState const& theirs,
                               ipam::IntervalSet const& allocated) {
  if (auto const valid = ipam::validate(theirs); !valid) return failure_of(valid);
  if (!mine.seeds.empty() && !theirs.seeds.empty() && mine.seeds != theirs.seeds) {
    return failure(ErrorKind::refused, "Received ring was seeded differently from ours");
  }
  if (mine.universe != theirs.universe) return failure(ErrorKind::refused, "Received range differs from ours");
  OriginalMerge merge{mine, theirs, allocated};
  auto const updated = merge.walk();
  if (!updated) return updated;
  auto result = mine;
  result.tokens = std::move(merge).tokens();
  for (std::size_t i = 0; i < result.tokens.size(); ++i) {
    auto& entry = result.tokens[i];
    auto const next = result.tokens[(i + 1) % result.tokens.size()].token;
    if (entry.peer == mine.peer) entry.free = std::min(entry.free, ipam::distance(mine.universe, entry.token, next));
  }
  if (auto const valid = ipam::validate(result); !valid) {
    return failure(ErrorKind::malformed, "Merge of incoming data causes: " + valid.error().text());
  }
  if (result.seeds.empty()) result.seeds = theirs.seeds;
  mine = std::move(result);
  return updated;
}

} // namespace weave::test
