#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/container_words.hpp"

namespace weave::tools {

/// The words of `weave expose`: `[<addr>…] [-h <fqdn>] [--without-masquerade]`; options may stand anywhere.
struct ExposeWords {
  std::vector<AddressWord> addresses = {};
  std::optional<std::string> fqdn = {};
  bool without_masquerade = false;

  friend bool operator==(ExposeWords const&, ExposeWords const&) = default;
};

/// Errors as of parse_attach_words.
[[nodiscard]] Result<ExposeWords> parse_expose_words(std::vector<std::string> words);

} // namespace weave::tools
