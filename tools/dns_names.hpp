#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"
#include "tools/command.hpp"

namespace weave::tools {

/// Under this id names go that belong to no container (protocol/surfaces.md §1.3).
inline constexpr std::string_view kExternalNames = "weave:extern";

/// The words of `dns-add` and `dns-remove`: `[<ip>…] <container> [-h <fqdn>]` or `<ip>… -h <fqdn>`.
struct NameWords {
  std::vector<Ipv4Address> addresses;
  std::optional<std::string> container;
  std::optional<std::string> fqdn;

  friend bool operator==(NameWords const&, NameWords const&) = default;
};

/// Nothing if they are neither form.
[[nodiscard]] std::optional<NameWords> parse_name_words(std::vector<std::string> const& words);

/// A container as Docker knows it.
struct NamedContainer {
  std::string id;
  std::string fqdn; ///< empty if its host name has no domain
  bool running = false;
  std::vector<Ipv4Address> addresses; ///< on Docker networks of ours
};

/// Asks the Docker engine (DOCKER_HOST). Error texts are for people.
[[nodiscard]] Result<NamedContainer> find_container(Settings const& settings, std::string const& container);

/// The DNS domain of the running daemon, or the exit status with which to end, explained on stderr: 0 if the service is
/// off, 1 if the daemon cannot be asked.
struct DomainAnswer {
  std::string domain;
  std::optional<int> end;
};
[[nodiscard]] DomainAnswer ask_domain(Invocation& call);

} // namespace weave::tools
