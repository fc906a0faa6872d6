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
  /// Those where it is a loss when something is deleted; none named: all.
  std::vector<std::string> chains = {};
};

/// Counts transactions of nftables that touched some tables, from the kernel's notifications, and sees whether they
/// took something away. Pure.
class TableChanges {
 public:
  explicit TableChanges(std::vector<NftablesTable> tables) : tables_{std::move(tables)} {}

  /// One datagram of the notification socket; what cannot be read is passed over.
  void read(ByteView datagram);
  /// Transactions complete since the last call.
  [[nodiscard]] std::size_t take();
  /// Whether a rule, a chain or a whole table has gone since the last call. Sets and their elements do not count.
  [[nodiscard]] bool take_loss();

 private:
  [[nodiscard]] NftablesTable const* watched(ByteView payload) const;
  [[nodiscard]] static bool is_loss(NftablesTable const& table, std::uint8_t type, ByteView payload);

  std::vector<NftablesTable> tables_;
  bool touched_ = false; ///< by the transaction whose end has not been told yet
  std::size_t complete_ = 0;
  bool loss_ = false;
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
  /// Whether what was read since the last call had a loss in it.
  [[nodiscard]] bool take_loss() { return changes_.take_loss(); }

 private:
  NftablesWatch(UniqueFd socket, std::vector<NftablesTable> tables)
      : socket_{std::move(socket)}, changes_{std::move(tables)} {}

  UniqueFd socket_;
  TableChanges changes_;
};

} // namespace weave::datapath
