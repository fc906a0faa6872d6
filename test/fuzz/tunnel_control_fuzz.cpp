// The control part of the tunnels of one connection against any control message, special frame and kernel report.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "datapath/tunnel/sleeve_forwarder.hpp"
#include "datapath/tunnel/sleeve_layout.hpp"
#include "datapath/tunnel/sleeve_special.hpp"
#include "datapath/tunnel/tunnel_overlay.hpp"
#include "test/fakes/virtual_scheduler.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

using namespace datapath;

constexpr PeerName kRemote{2};
constexpr ConnectionUid kConnection{0x1122334455667788};

/// Bytes of a probe that are fixed here: zeros, uid, version.
constexpr std::ptrdiff_t kProbeHead = 23;

enum Operation : std::uint8_t {
  kControl,
  kDirect,
  kSpecial,
  kTooBig,
  kSendError,
  kWait,
  kConfirm,
  kHeartbeat,
  kProbe,
  kOperations
};

class QuietIo final : public SleeveIo {
 public:
  void set_path(SleevePath const& path) override {
    demand(path.peer == kRemote && path.connection == kConnection, "paths are those of the connection");
    demand(path.max_payload <= kMaxUdpPayload && path.mtu <= kUndiscoveredMtu, "sizes stay within UDP");
  }
  void remove_path(PeerName, ConnectionUid) override {}
  void send_special(SleeveSpecial special) override {
    demand(kClearPacketOverhead + kFrameOverhead + special.frame.size() <= kMaxUdpPayload,
           "special frames fit into a packet");
    ++sent;
  }
  void forget_path_mtus() override {}

  std::size_t sent = 0;
};

class Host {
 public:
  explicit Host(std::uint8_t flags) {
    TunnelConnectionParameters parameters;
    parameters.peer = {.remote = kRemote,
                       .nickname = "b",
                       .short_id = {},
                       .connection = kConnection,
                       .outbound = (flags & 1) != 0,
                       .local = Ipv4Endpoint{Ipv4Address{0xc0000201}, 6783},
                       .endpoint = Ipv4Endpoint{Ipv4Address{0xc0000202}, 6783},
                       .session_key = {},
                       .sleeve_probes = (flags & 4) != 0};
    if ((flags & 2) == 0) parameters.overlays = "fastdp sleeve";
    parameters.send_control = [](std::uint8_t, Bytes) {};
    parameters.on_established = [this] { demand(++established_ == 1, "established once"); };
    parameters.on_error = [this](Error const&) { demand(++failed_ == 1, "failed once"); };
    tunnel_ = *overlay_.prepare(std::move(parameters));
  }

  void play(FuzzInput::Record const& record) {
    FuzzInput content{record.content.data(), record.content.size()};
    switch (record.operation % kOperations) {
      case kControl: return tunnel_->on_control(kTagOverlayControl, record.content);
      case kDirect: return tunnel_->on_control(static_cast<std::uint8_t>(content.u8() % 4), content.rest());
      case kSpecial: {
        Ipv4Endpoint const from{Ipv4Address{content.u32()}, content.u16()};
        auto const channel = (content.u8() & 1) != 0 ? SleeveChannel::fragmentable : SleeveChannel::df;
        return events_.on_special(kRemote, from, channel, content.rest(), scheduler_.now());
      }
      case kTooBig: return events_.on_too_big(kRemote, kConnection, content.u32());
      case kSendError: return events_.on_send_error(kRemote, kConnection, Error{ErrorKind::system, "refused"});
      case kWait: return scheduler_.advance(std::chrono::milliseconds{content.u16() * 10});
      case kHeartbeat:
        return events_.on_special(kRemote, {Ipv4Address{0xc0000202}, 6783}, SleeveChannel::df,
                                  make_heartbeat(kConnection), scheduler_.now());
      case kProbe: {
        auto frame = make_probe({.uid = kConnection});
        auto const rest = content.rest();
        std::copy_n(rest.begin(), std::min(rest.size(), frame.size() - kProbeHead), frame.begin() + kProbeHead);
        return events_.on_special(kRemote, {Ipv4Address{0xc0000202}, 6783}, SleeveChannel::df, std::move(frame),
                                  scheduler_.now());
      }
      default: return confirm();
    }
  }
  void settle() {
    scheduler_.settle();
    (void)tunnel_->attributes();
  }

 private:
  void confirm() {
    if (confirmed_) return;
    confirmed_ = true;
    tunnel_->confirm();
  }

  bool confirmed_ = false;
  int established_ = 0;
  int failed_ = 0;
  test::VirtualScheduler scheduler_;
  QuietIo io_;
  SleeveRegistry registry_;
  SleeveEvents events_ = registry_.events();
  SleeveKind kind_{{scheduler_, io_, registry_, Logger{}}};
  TunnelOverlay overlay_{scheduler_, Logger{}, {&kind_}};
  std::unique_ptr<TunnelSwitch> tunnel_;
};

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  weave::fuzz::FuzzInput input{data, size};
  weave::fuzz::Host host{input.u8()};
  while (!input.empty()) {
    host.play(input.record());
    host.settle();
  }
  return 0;
}
