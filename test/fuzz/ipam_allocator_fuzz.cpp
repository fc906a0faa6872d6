// An allocator among peers that send anything while containers come and go here.
#include <array>
#include <set>
#include <string>
#include <vector>

#include "test/fuzz/fuzz_input.hpp"
#include "test/unit/ipam/allocator_fakes.hpp"

namespace weave::fuzz {
namespace {

using namespace controller::ipam;

constexpr PeerName kOurself{0x7a3a5c000001};
constexpr std::array kPeers{PeerName{0x0000aabbcc02}, PeerName{0xfe1122334403}, PeerName{4}, kOurself};

enum Operation : std::uint8_t {
  kGossip,
  kBroadcast,
  kUnicast,
  kAllocate,
  kClaim,
  kRelease,
  kWait,
  kPeerGone,
  kTakeOver,
  kDiskFull,
  kRestart,
  kSpaceRequest,
  kOperations
};

/// Name, uid and universe of a node in the golden states, so that these concern us.
[[nodiscard]] AllocatorConfig config() {
  AllocatorConfig config;
  config.self = kOurself;
  config.nickname = "us";
  config.uid = PeerUid{77};
  config.universe = *Ipv4Cidr::parse("10.32.0.0/12");
  config.default_subnet = config.universe;
  config.quorum = [] { return 1U; };
  return config;
}

class Host {
 public:
  Host() { start(); }

  void play(FuzzInput::Record const& record) {
    FuzzInput content{record.content.data(), record.content.size()};
    PeerName const peer = kPeers[record.operation / kOperations % kPeers.size()];
    switch (record.operation % kOperations) {
      case kGossip: return void(rig_->allocator->on_gossip(peer, record.content));
      case kBroadcast: return void(rig_->allocator->on_broadcast(peer, record.content));
      case kUnicast: return void(rig_->allocator->on_unicast(peer, record.content));
      case kAllocate: return allocate(content);
      case kClaim: return claim(content);
      case kRelease: return void(rig_->allocator->release_all(id_of(content.u8())));
      case kWait: return scheduler_.advance(std::chrono::milliseconds{content.u16()});
      case kPeerGone: return rig_->allocator->on_peer_gone(peer);
      case kTakeOver: return void(rig_->allocator->take_over(peer.to_string()));
      case kDiskFull: return void(store_->failing = (content.u8() & 1) != 0);
      case kRestart: return start();
      default: {
        Ipv4Address const first{0x0a200000U + content.u16() * 16U};
        return void(rig_->allocator->on_unicast(peer, encode_unicast(SpaceRequest{{first, first + content.u16()}})));
      }
    }
  }
  /// What must hold between any two events.
  void check() {
    scheduler_.settle();
    auto const& ring = rig_->allocator->book().ring();
    demand(ring.empty() || validate(ring.state()).has_value(), "our ring keeps its rules");
    std::set<Ipv4Address> seen;
    for (auto const& [id, cidr] : granted_) demand(seen.insert(cidr.address).second, "no address is given out twice");
    (void)rig_->allocator->status();
  }

 private:
  /// Power fails and comes back; callers that had no answer never get one.
  void start() {
    rig_.reset();
    store_->failing = false;
    rig_ = std::make_unique<test::AllocatorRig>(config(), scheduler_, store_);
    demand(rig_->allocator->restore().has_value(), "what we stored can be read");
    rig_->allocator->start();
  }
  [[nodiscard]] static std::string id_of(std::uint8_t number) { return "c" + std::to_string(number % 8); }
  void allocate(FuzzInput& content) {
    auto const id = "a" + std::to_string(next_++);
    (void)rig_->allocator->allocate({.id = id,
                                     .subnet = {Ipv4Address{0x0a200000U + content.u8() * 256U}, 24 + content.u8() % 7},
                                     .is_container = true,
                                     .deadline = std::chrono::seconds{5}},
                                    [this, id](Result<Ipv4Cidr> const& result) {
                                      if (result) granted_.emplace_back(id, *result);
                                    });
  }
  void claim(FuzzInput& content) {
    (void)rig_->allocator->claim({.id = id_of(content.u8()),
                                  .cidr = {Ipv4Address{0x0a200000U + content.u16()}, 12},
                                  .is_container = true,
                                  .no_error_on_unknown = (content.u8() & 1) != 0,
                                  .exclusive = (content.u8() & 1) != 0,
                                  .deadline = std::chrono::seconds{5}},
                                 [](Result<void> const&) {});
  }

  test::VirtualScheduler scheduler_;
  std::shared_ptr<test::MemoryIpamStore> store_ = std::make_shared<test::MemoryIpamStore>();
  std::unique_ptr<test::AllocatorRig> rig_;
  std::vector<std::pair<std::string, Ipv4Cidr>> granted_;
  int next_ = 0;
};

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  weave::fuzz::Host host;
  while (!input.empty()) {
    host.play(input.record());
    host.check();
  }
  return 0;
}
