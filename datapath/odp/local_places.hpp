#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "base/address.hpp"
#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// Behind which local vport each address of this host was last seen. With a single local port it says nothing new; when
/// containers are vports themselves it is what a bridge's table would be. One thread.
class LocalPlaces {
 public:
  static constexpr std::size_t kCapacity = 65536;

  /// True if the address was at another port until now.
  bool record(MacAddress mac, PortNo port) {
    auto const found = ports_.find(mac);
    if (found == ports_.end()) {
      if (ports_.size() < kCapacity) ports_.emplace(mac, port);
      return false;
    }
    return std::exchange(found->second, port) != port;
  }
  [[nodiscard]] std::optional<PortNo> find(MacAddress mac) const {
    auto const found = ports_.find(mac);
    if (found == ports_.end()) return std::nullopt;
    return found->second;
  }
  /// Drops the addresses for which `is_gone(mac, port)`.
  template <class Predicate>
  void forget(Predicate is_gone) {
    std::erase_if(ports_, [&](auto const& item) { return is_gone(item.first, item.second); });
  }

 private:
  std::unordered_map<MacAddress, PortNo> ports_;
};

} // namespace weave::datapath::odp
