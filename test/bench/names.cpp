// The database of names: answering from it, merging what other peers tell, changing it. Sockets apart.

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "controller/dns/answering.hpp"
#include "test/bench/figures.hpp"
#include "test/unit/dns/dns_text.hpp"
#include "test/unit/dns_names/gossiper_fakes.hpp"

namespace weave::bench {
namespace {

using namespace controller::dns;

constexpr int kRounds = 9;
constexpr int kFew = 100;
constexpr int kMany = 10'000;
constexpr int kPeers = 20;

/// A peer of a mesh with `count` names, evenly of all others.
class Host {
 public:
  explicit Host(int count) : rig_{PeerName{1}, peers()}, count_{count} {
    for (int i = 0; i < count; ++i) {
      NameKey key{.hostname = name(i),
                  .origin = PeerName{static_cast<std::uint64_t>(i % (kPeers - 1)) + 2},
                  .container_id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab" + std::to_string(i),
                  .address = Ipv4Address{0x0a20'0001 + static_cast<std::uint32_t>(i)}};
      entries_.emplace(std::move(key), NameState{});
    }
    everything_ = encode_names_in_parts({.timestamp = rig_.unix_time(), .entries = entries_});
    merge();
    if (rig_.gossiper->table().live_count() != static_cast<std::size_t>(count)) std::abort();
  }

  /// Microseconds for a question on a name, until the reply is there.
  [[nodiscard]] double answer() {
    std::vector<Bytes> queries;
    for (int i = 0; i < count_; ++i) queries.push_back(test_query(i));
    Answering answering{{.domain = DomainName::parse("weave.local").value()}, random_};
    NameReader reader{rig_.gossiper->names()};
    std::array<std::uint8_t, Answering::kUdpRoom> room;
    return microseconds(kRounds, 100'000, [&] {
      auto const& query = queries[random_.below(queries.size())];
      auto const decision = answering.answer(query, Transport::udp, reader.current(), room);
      if (decision.verdict != Verdict::positive) std::abort();
    });
  }
  /// Microseconds to merge all names from another peer, of which none is new.
  [[nodiscard]] double merge_again() {
    return microseconds(kRounds, 3, [this] { merge(); });
  }
  [[nodiscard]] double decode() const {
    return microseconds(kRounds, 3, [this] {
      for (auto const& part : everything_) {
        if (!decode_names(part)) std::abort();
      }
    });
  }
  /// Microseconds until a name that comes, and goes again, is answered from.
  [[nodiscard]] double change() {
    return microseconds(kRounds, 200, [this] {
      rig_.gossiper->add("c", "comes.weave.local.", Ipv4Address{1});
      (void)rig_.gossiper->remove({.container_id = "c"});
      rig_.channel.broadcasts.clear();
    });
  }

 private:
  static std::set<PeerName> peers() {
    std::set<PeerName> all;
    for (std::uint64_t i = 1; i <= kPeers; ++i) all.insert(PeerName{i});
    return all;
  }
  static std::string name(int number) { return "h" + std::to_string(number) + ".weave.local."; }
  static Bytes test_query(int number) { return controller::dns::test::query_for(name(number), record_type::a); }
  void merge() {
    for (auto const& part : everything_) {
      if (!rig_.gossiper->on_gossip(PeerName{2}, part)) std::abort();
    }
    rig_.channel.broadcasts.clear();
  }

  weave::test::GossiperRig rig_;
  SeededRandom random_{1};
  int count_;
  NameSet entries_;
  std::vector<Bytes> everything_;
};

} // namespace
} // namespace weave::bench

int main() {
  using namespace weave::bench;
  Host few{kFew};
  Host many{kMany};
  print({"names: an answer, of 10000 names", many.answer(), "us", "100 names", few.answer()});
  print({"names: merging 10000 names, none new", many.merge_again(), "us", "decoding them", many.decode()});
  print({"names: a name comes and goes, of 10000", many.change(), "us", "100 names", few.change()});
  return 0;
}
