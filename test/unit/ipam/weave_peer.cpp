#include "test/unit/ipam/simulated_peer.hpp"

namespace weave::test {
namespace {

namespace ipam = controller::ipam;

/// The allocator under test.
class WeavePeer final : public SimulatedPeer {
 public:
  explicit WeavePeer(PeerSurroundings const& around)
      : universe_{around.config.universe},
        allocator_{around.config, ipam::AllocatorPorts{around.scheduler, around.random, around.mesh, around.store,
                                                       Logger{std::shared_ptr<LogSink>{}}}} {
    allocator_.attach(around.channel);
    // Unreadable data end the daemon; its supervisor tries again.
    if (auto const restored = allocator_.restore(); !restored) throw FaultStore::Crash{&around.store};
    allocator_.reclaim(around.in_use);
    std::set<std::string> running;
    for (auto const& found : around.in_use) running.insert(found.id);
    allocator_.keep_only_running(running);
    allocator_.start();
  }

  Result<void> on_unicast(PeerName source, ByteView payload) override { return allocator_.on_unicast(source, payload); }
  Result<void> on_broadcast(PeerName source, ByteView payload) override {
    auto const relayed = allocator_.on_broadcast(source, payload);
    if (!relayed) return failure_of(relayed);
    return {};
  }
  Result<void> on_gossip(PeerName source, ByteView payload) override {
    auto const relayed = allocator_.on_gossip(source, payload);
    if (!relayed) return failure_of(relayed);
    return {};
  }
  std::vector<Bytes> complete_state() override {
    auto const state = allocator_.complete_state();
    return state ? state->encode() : std::vector<Bytes>{};
  }

  ipam::Operation allocate(std::string const& container, Duration deadline, Answer answer) override {
    return allocator_.allocate({container, universe_, true, deadline},
                               [answer = std::move(answer)](Result<Ipv4Cidr> const& result) {
                                 if (!result) return answer(failure_of(result));
                                 answer(result->address);
                               });
  }
  ipam::Operation claim(std::string const& container, Ipv4Address address, Duration deadline, Answer answer) override {
    return allocator_.claim({container, {address, universe_.prefix}, true, false, false, deadline},
                            [address, answer = std::move(answer)](Result<void> const& result) {
                              if (!result) return answer(failure_of(result));
                              answer(address);
                            });
  }
  void release(std::string const& container, Farewell how) override {
    switch (how) {
      case Farewell::released: return void(allocator_.release_all(container));
      case Farewell::destroyed: return allocator_.on_container_destroyed(container);
      case Farewell::died: return allocator_.on_container_died(container);
    }
  }
  Result<std::uint32_t> take_over(PeerName peer) override { return allocator_.take_over(peer.to_string()); }
  void shut_down() override { allocator_.shut_down(); }

  ipam::RingState const& ring() const override { return allocator_.book().ring().state(); }
  std::uint32_t free_addresses() const override { return allocator_.book().space().free().count(); }
  std::string conflict() const override { return allocator_.status().conflict; }
  std::set<Ipv4Address> displaced() const override { return allocator_.book().displaced(); }
  bool keeps_deadlines() const override { return true; }

 private:
  Ipv4Cidr universe_;
  ipam::Allocator allocator_;
};

} // namespace

std::unique_ptr<SimulatedPeer> start_weave_peer(PeerSurroundings const& surroundings) {
  return std::make_unique<WeavePeer>(surroundings);
}

} // namespace weave::test
