#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::controller::ipam {

struct OwnedAddresses {
  /// Watched by Docker events: the addresses go when the container goes.
  bool is_container = false;
  /// In the order in which they were recorded, with the prefix length they were asked with.
  std::vector<Ipv4Cidr> cidrs;

  friend bool operator==(OwnedAddresses const&, OwnedAddresses const&) = default;
};

/// Which id holds which addresses on this host (protocol/ipam-dns.md §7.5). An address has at most one holder; both
/// directions are indexed. Remembers which ids changed since the last save. Value type.
class OwnedTable {
 public:
  /// False, and nothing changes, if somebody holds the address already.
  [[nodiscard]] bool record(std::string const& id, bool is_container, Ipv4Cidr cidr);
  /// The cidr that was recorded, or nothing.
  std::optional<Ipv4Cidr> remove(std::string_view id, Ipv4Address address);
  std::vector<Ipv4Cidr> remove_all(std::string_view id);

  /// Null if nobody holds it.
  [[nodiscard]] std::string const* holder(Ipv4Address address) const;
  /// Null if the id holds nothing.
  [[nodiscard]] OwnedAddresses const* find(std::string_view id) const;
  /// The addresses recorded inside `range`, ascending.
  [[nodiscard]] std::vector<Ipv4Address> addresses_in(Ipv4Range range) const;
  [[nodiscard]] std::map<std::string, OwnedAddresses, std::less<>> const& all() const { return ids_; }

  [[nodiscard]] std::set<std::string, std::less<>> const& changed() const { return changed_; }
  void saved() { changed_.clear(); }
  /// Makes the next save write this id's row, or erase it if it holds nothing.
  void mark_changed(std::string const& id) { changed_.insert(id); }

 private:
  std::map<std::string, OwnedAddresses, std::less<>> ids_;
  std::map<Ipv4Address, std::string> holders_;
  std::set<std::string, std::less<>> changed_;
};

/// One id's row as text for the store: `{"container":true,"addrs":["10.32.0.1/12"]}`.
[[nodiscard]] std::string format_owned(OwnedAddresses const& owned);
[[nodiscard]] Result<OwnedAddresses> parse_owned(std::string_view text);

} // namespace weave::controller::ipam
