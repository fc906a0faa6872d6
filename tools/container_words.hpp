#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "tools/address_words.hpp"
#include "tools/command.hpp"

namespace weave::tools {

/// The words of `weave attach` (protocol/surfaces.md §2.6); options may stand anywhere.
struct AttachWords {
  std::vector<AddressWord> addresses = {};
  std::string container = {};
  bool without_dns = false;
  bool rewrite_hosts = false;
  bool no_multicast_route = false;
  std::vector<std::string> extra_hosts = {}; ///< `name:ip`

  friend bool operator==(AttachWords const&, AttachWords const&) = default;
};

/// Error: malformed, a word that makes no sense; its text is empty if only the usage can tell.
[[nodiscard]] Result<AttachWords> parse_attach_words(std::vector<std::string> words);
/// `[<addr>…] <container>`.
[[nodiscard]] Result<AttachWords> parse_detach_words(std::vector<std::string> words);
/// Prints the error, or the usage where there is none. Exit status.
int explain_misuse(Error const& error, Invocation& call);

/// A container that runs, as the daemon found it, or the exit status to end with, explained on stderr.
struct Container {
  std::string id = {};
  std::string fqdn = {}; ///< empty if its host name has no domain
  std::optional<int> end = {};
};
[[nodiscard]] Container find_running(Invocation& call, std::string const& container);

/// The daemon's path for its interface.
[[nodiscard]] std::string interface_target(Container const& container);

} // namespace weave::tools
