// Docker's calls, in any order and with any body, while the host is slow, has no quorum or restarts the drivers.
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "test/fuzz/fuzz_input.hpp"
#include "test/unit/plugin/plugin_fakes.hpp"

namespace weave::fuzz {
namespace {

constexpr std::array<std::string_view, 18> kMethods{
    "Plugin.Activate",
    "NetworkDriver.GetCapabilities",
    "NetworkDriver.CreateNetwork",
    "NetworkDriver.DeleteNetwork",
    "NetworkDriver.CreateEndpoint",
    "NetworkDriver.DeleteEndpoint",
    "NetworkDriver.EndpointOperInfo",
    "NetworkDriver.Join",
    "NetworkDriver.Leave",
    "NetworkDriver.DiscoverNew",
    "NetworkDriver.DiscoverDelete",
    "IpamDriver.GetCapabilities",
    "IpamDriver.GetDefaultAddressSpaces",
    "IpamDriver.RequestPool",
    "IpamDriver.ReleasePool",
    "IpamDriver.RequestAddress",
    "IpamDriver.ReleaseAddress",
    "NetworkDriver.AllocateNetwork",
};
/// Operations behind the methods.
enum Operation : std::uint8_t {
  kWait = kMethods.size(),
  kSlow,
  kFinish,
  kQuorum,
  kClientLeaves,
  kRestart,
  kLookUp,
  kFullDisk,
  kOperations
};

class Host {
 public:
  void play(FuzzInput::Record const& record) {
    auto const operation = static_cast<std::uint8_t>(record.operation % kOperations);
    std::string text{as_text(record.content)};
    if (operation < kMethods.size()) {
      replies_.push_back(bench_.start(std::string{kMethods[operation]}, std::move(text)));
      return;
    }
    bool const yes = (text.size() & 1) != 0;
    switch (static_cast<Operation>(operation)) {
      case kWait: return bench_.scheduler.advance(std::chrono::milliseconds{text.size() * 100});
      case kSlow: return void(bench_.attacher.slow = yes);
      case kFinish: return void(bench_.attacher.finish_one());
      case kQuorum: return yes ? bench_.allocator.reach_quorum() : void(bench_.allocator.waiting = true);
      case kClientLeaves:
        if (bench_.last_sink) bench_.last_sink->leave();
        return;
      case kRestart: return bench_.restart({.default_multicast = yes});
      case kLookUp: return answer_look_up(std::move(text));
      case kFullDisk: return void(bench_.store.full = yes);
      case kOperations: return;
    }
  }
  void finish() {
    bench_.scheduler.advance(std::chrono::seconds{30});
    for (auto const& reply : replies_) demand(reply->status != 0, "every call is answered in time");
  }

 private:
  void answer_look_up(std::string value) {
    auto asked = std::exchange(bench_.source.asked, {});
    for (auto& [id, found] : asked)
      found(plugin::NetworkFacts{.options = {{"works.weave.multicast", value}}, .pools = {value}});
  }

  test::PluginBench bench_;
  std::vector<std::shared_ptr<test::Reply>> replies_;
};

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  weave::fuzz::Host host;
  while (!input.empty()) host.play(input.record());
  host.finish();
  return 0;
}
