#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "controller/dns/name_text.hpp"
#include "controller/dns/shared_table.hpp"

namespace weave::controller::dns {

/// The live names of the whole mesh at one moment, as questions are answered from it. Names are fully qualified, with
/// the final dot, in presentation format. A published snapshot never changes: any thread may read it, without locks,
/// for as long as it holds it; the views given out live as long as the snapshot.
class NameSnapshot {
 public:
  /// A small one, for tests: later names of an address come after earlier ones.
  [[nodiscard]] static NameSnapshot of(std::initializer_list<std::pair<std::string_view, Ipv4Address>> names);

  /// The addresses of a name, given in lower case; each once, in no particular order. Empty if the name is unknown.
  [[nodiscard]] std::span<Ipv4Address const> find(std::string_view lower_case_name) const {
    auto const* const found = addresses_.find(lower_case_name);
    return found == nullptr ? std::span<Ipv4Address const>{} : std::span{*found};
  }
  /// The names of an address, spelt as registered, in storage order (protocol/ipam-dns.md §12.2): a reverse question is
  /// answered with the first. Empty if the address is unknown.
  [[nodiscard]] std::span<std::string const> find(Ipv4Address address) const {
    auto const* const found = names_.find(address);
    return found == nullptr ? std::span<std::string const>{} : std::span{*found};
  }

  [[nodiscard]] std::size_t name_count() const { return addresses_.size(); }
  [[nodiscard]] std::size_t address_count() const { return names_.size(); }

  /// For whoever makes snapshots: an empty list removes. Only on a value that is not shared.
  void set_addresses(std::string lower_case_name, std::vector<Ipv4Address> addresses);
  void set_names(Ipv4Address address, std::vector<std::string> names);
  /// A copy to hand out, from which later changes of this one are kept away.
  [[nodiscard]] NameSnapshot share() { return {addresses_.share(), names_.share()}; }

  NameSnapshot() = default;

 private:
  struct TextHash {
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using Addresses = SharedTable<std::string, std::vector<Ipv4Address>, TextHash>;
  using Names = SharedTable<Ipv4Address, std::vector<std::string>>;

  NameSnapshot(Addresses addresses, Names names) : addresses_{std::move(addresses)}, names_{std::move(names)} {}

  Addresses addresses_;
  Names names_;
};

} // namespace weave::controller::dns
