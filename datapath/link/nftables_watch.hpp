#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace weave::datapath {

struct NftablesTable {
  std::uint8_t family; ///< NFPROTO_
  std::string name;
};

/// Counts transactions of nftables that touched some tables, from the kernel's notifications. Pure.
class TableChanges {
 public:
  explicit TableChanges(std::vector<NftablesTable> tables) : tables_{std::move(tables)} {}

  /// One datagram of the notification socket; what cannot be read is passed over.
  void read(ByteView datagram);
  /// Transactions complete since the last call.
  [[nodiscard]] std::size_t take();

 private:
  [[nodiscard]] bool is_watched(ByteView payload) const;

  std::vector<NftablesTable> tables_;
  bool touched_ = false; ///< by the transaction whose end has not been told yet
  std::size_t complete_ = 0;
};

/// Is told by the kernel about everything that anybody changes in nftables, in the network namespace in which it was
/// opened. Never blocks; its owner waits for fd() to become readable. One thread. CAP_NET_ADMIN is needed.
class NftablesWatch {
 public:
  [[nodiscard]] static Result<NftablesWatch> open(std::vector<NftablesTable> tables);

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// Takes all that has been told, and gives the number of transactions that touched the tables. None: something was
  /// lost, and there may have been any.
  [[nodiscard]] Result<std::optional<std::size_t>> read();

 private:
  NftablesWatch(UniqueFd socket, std::vector<NftablesTable> tables)
      : socket_{std::move(socket)}, changes_{std::move(tables)} {}

  UniqueFd socket_;
  TableChanges changes_;
};

} // namespace weave::datapath
