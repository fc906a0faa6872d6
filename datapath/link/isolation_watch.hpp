#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace weave::datapath {

/// Counts transactions of nftables that touched the isolation's table, from the kernel's notifications. Pure.
class TableChanges {
 public:
  /// One datagram of the notification socket; what cannot be read is passed over.
  void read(ByteView datagram);
  /// Transactions complete since the last call.
  [[nodiscard]] std::size_t take();

 private:
  bool touched_ = false; ///< by the transaction whose end has not been told yet
  std::size_t complete_ = 0;
};

/// Is told by the kernel about everything that anybody changes in nftables, in the network namespace in which it was
/// opened. Never blocks; its owner waits for fd() to become readable. One thread. CAP_NET_ADMIN is needed.
class IsolationWatch {
 public:
  [[nodiscard]] static Result<IsolationWatch> open();

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Takes all that has been told, and gives the number of transactions that touched the table. None: something was
  /// lost, and there may have been any.
  [[nodiscard]] Result<std::optional<std::size_t>> read();

 private:
  explicit IsolationWatch(UniqueFd socket) : socket_{std::move(socket)} {}

  UniqueFd socket_;
  TableChanges changes_;
};

} // namespace weave::datapath
