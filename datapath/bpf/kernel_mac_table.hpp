#pragma once

#include <array>
#include <bitset>
#include <map>
#include <mutex>
#include <vector>

#include "datapath/bpf/kernel_programs.hpp"
#include "datapath/bridge/mac_learning.hpp"
#include "datapath/fastpath/forwarding_state.hpp"

namespace weave::datapath::bpf {

/// Where addresses are, in the map that the programs learn into. Recording does nothing: captured frames pass the
/// programs before anybody sees them, and frames of other peers are learned when they are written to the user port.
/// Holds up to 65536 addresses; the kernel throws the least used out. Survives the process as long as the programs.
class KernelMacTable final : public MacLearning {
 public:
  /// `programs` must outlive this object.
  KernelMacTable(PeerName self, KernelPrograms const& programs) : self_{self}, programs_{programs} {}

  MacChange record_local(MacAddress mac, TimePoint now) override;
  MacChange record_remote(MacAddress mac, PeerName peer, TimePoint now) override;
  [[nodiscard]] std::optional<PeerName> find(MacAddress mac) const override;
  std::size_t sweep(TimePoint now) override;
  std::size_t forget_peer(PeerName peer) override;
  [[nodiscard]] std::vector<MacEntry> entries() const override;
  [[nodiscard]] PeerName self() const override { return self_; }

  /// Who has which short id from now on. Addresses of an id that changed its owner are forgotten.
  void rename(ForwardingState const& state);
  /// Addresses by short id.
  [[nodiscard]] std::map<ShortId, std::vector<MacAddress>> by_id() const;
  /// Takes over what another map of the same layout holds; returns how many.
  std::size_t copy_from(int map_fd);

 private:
  struct Record {
    MacAddress mac;
    ShortId id{};
    TimePoint last_seen;
  };
  [[nodiscard]] std::vector<Record> records() const;
  [[nodiscard]] std::optional<PeerName> owner(ShortId id) const;
  std::size_t forget(std::bitset<kShortIdMax + 1> const& ids);
  template <class Predicate>
  std::size_t erase_where(Predicate matches);

  PeerName self_;
  KernelPrograms const& programs_;
  mutable std::mutex mutex_;
  /// By short id; keeps the last owner of an id that nobody has now, for forget_peer.
  std::array<PeerName, kShortIdMax + 1> owners_{};
};

} // namespace weave::datapath::bpf
