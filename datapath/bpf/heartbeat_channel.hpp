#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/fd_watcher.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "datapath/bpf/kernel_maps.hpp"
#include "datapath/fastpath/forwarding_state.hpp"
#include "datapath/tunnel/tunnel_id.hpp"

struct ring_buffer;

namespace weave::datapath::bpf {

/// Sends frames into tunnels past all forwarding: through a packet socket whose mark tells the program of the device
/// which tunnel. One thread.
class HeartbeatSender {
 public:
  /// In the network namespace of the devices. `maps` must outlive this object.
  [[nodiscard]] static Result<HeartbeatSender> open(KernelMaps& maps);

  [[nodiscard]] Result<void> send(std::uint32_t ifindex, TunnelEndpoints const& endpoints, TunnelId ids,
                                  ByteView frame);

 private:
  HeartbeatSender(KernelMaps& maps, UniqueFd socket) : maps_{&maps}, socket_{std::move(socket)} {}
  [[nodiscard]] Result<void> aim(ShortId destination, TunnelEndpoints const& endpoints);

  KernelMaps* maps_;
  UniqueFd socket_;
  std::map<ShortId, TunnelEndpoints> aims_;
};

/// Reads from the ring buffer which heartbeats came in. `on_arrival` is called from the loop, until this object goes.
class ArrivalReader {
 public:
  using OnArrival = std::function<void(::weave_arrival const&)>;

  [[nodiscard]] static Result<std::unique_ptr<ArrivalReader>> open(KernelPrograms const& programs, FdWatcher& watcher,
                                                                   OnArrival on_arrival);

 private:
  explicit ArrivalReader(OnArrival on_arrival) : on_arrival_{std::move(on_arrival)} {}
  static int take(void* self, void* data, std::size_t size);

  struct Free {
    void operator()(ring_buffer* buffer) const;
  };
  OnArrival on_arrival_;
  std::unique_ptr<ring_buffer, Free> buffer_;
  FdWatch watch_;
};

} // namespace weave::datapath::bpf
