#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "tools/command.hpp"

namespace weave::tools {

/// The bridge's own addresses are filed under this id (protocol/surfaces.md §1.3).
inline constexpr std::string_view kExposedId = "weave:expose";

/// One address argument (protocol/surfaces.md §2.2).
struct AddressWord {
  enum class Kind {
    exact,         ///< `<cidr>`, `ip:<cidr>`: this address
    subnet,        ///< `net:<cidr>`: any of that subnet
    default_subnet ///< `net:default`
  };
  Kind kind = Kind::default_subnet;
  std::string cidr = {}; ///< as typed, of the right shape; empty for the default subnet

  friend bool operator==(AddressWord const&, AddressWord const&) = default;
};

/// Takes the address arguments off the front of `words`; without any, it is `net:default`. Error: malformed, a word
/// that begins as one and is none.
[[nodiscard]] Result<std::vector<AddressWord>> take_address_words(std::vector<std::string>& words);

/// Misuse by words that are left over: explained where one of them must be a wrong address, else without a text.
[[nodiscard]] Error leftover_words(std::vector<std::string> const& words);

/// What the daemon answered about addresses: what they are, or the exit status to end with, explained on stderr.
struct Addresses {
  std::vector<Ipv4Cidr> cidrs = {}; ///< in the order of the arguments
  std::optional<int> end = {};
};

/// Allocates or claims an address for `id` by each word. Without address allocation in the daemon exact addresses are
/// taken as they are.
[[nodiscard]] Addresses obtain_addresses(Invocation& call, std::string const& id, std::vector<AddressWord> const& words,
                                         bool check_alive);
/// The addresses that `id` has by each word; exact ones are taken as given. Never waits.
[[nodiscard]] Addresses look_up_addresses(Invocation& call, std::string const& id,
                                          std::vector<AddressWord> const& words);

/// Takes back names and allocation of addresses that `id` no longer has. What it did not have is no error. Exit status.
int give_up_addresses(Invocation& call, std::string const& id, std::vector<Ipv4Cidr> const& cidrs);

/// Registers `fqdn` for each. Exit status; 0 also if the name service is off.
int register_name(Invocation& call, std::string const& id, std::vector<Ipv4Cidr> const& cidrs, std::string const& fqdn,
                  bool check_alive);

/// `10.2.1.1 10.2.2.1`, and a newline; as JSON `{"addresses":["10.2.1.1/24",…]}`.
void print_addresses(Invocation& call, std::vector<Ipv4Cidr> const& cidrs, bool as_json);

/// Why an address that people chose may be a bad choice on this host, whose bridge is called so; nothing if it is not.
[[nodiscard]] std::optional<std::string> overlap_warning(Ipv4Cidr const& cidr, std::string const& bridge_name);

} // namespace weave::tools
