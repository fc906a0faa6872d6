#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/fd_watcher.hpp"
#include "datapath/ipsec/xfrm.hpp"
#include "datapath/netlink/generic_socket.hpp"
#include "datapath/netlink/receiving_socket.hpp"

namespace weave::datapath::ipsec {

/// Xfrm over netlink, of the network namespace that was current at open().
class KernelXfrm final : public Xfrm {
 public:
  /// refused: this kernel cannot encrypt what VXLAN sends, the text says what it lacks. Found out by adding an
  /// association that nothing uses, which goes again.
  [[nodiscard]] static Result<std::unique_ptr<KernelXfrm>> open();

  /// The same without finding out; refused: this kernel has no IPsec at all.
  [[nodiscard]] static Result<std::unique_ptr<KernelXfrm>> connect();

  /// Calls `call` after somebody else, or time, has changed associations or policies; several changes may be one call.
  /// Once; the watcher outlives this.
  [[nodiscard]] Result<void> watch(FdWatcher& watcher, std::function<void()> call);

  [[nodiscard]] Result<Spi> allocate(Ipv4Address source, Ipv4Address destination) override;
  [[nodiscard]] Result<void> complete(AssociationId const& id, Secret const& key) override;
  [[nodiscard]] Result<void> add(AssociationId const& id, Secret const& key) override;
  [[nodiscard]] Result<void> remove(AssociationId const& id) override;
  [[nodiscard]] Result<void> set(Policy const& policy) override;
  [[nodiscard]] Result<void> remove(PolicyId const& id) override;
  [[nodiscard]] Result<Inventory> inventory() override;

 private:
  explicit KernelXfrm(netlink::GenericSocket socket) : socket_{std::move(socket)} {}
  [[nodiscard]] Result<void> probe();
  [[nodiscard]] Result<void> request(Result<Bytes> message, std::string_view what);
  void read_notices(std::function<void()> const& call);

  netlink::GenericSocket socket_;
  std::unique_ptr<netlink::ReceivingSocket> notices_;
  FdWatch watch_;
};

} // namespace weave::datapath::ipsec
