#include "tools/expose_words.hpp"

#include <algorithm>
#include <utility>

namespace weave::tools {

Result<ExposeWords> parse_expose_words(std::vector<std::string> words) {
  ExposeWords parsed;
  parsed.without_masquerade = std::erase(words, "--without-masquerade") != 0;
  if (auto const flag = std::ranges::find(words, "-h"); flag != words.end()) {
    if (std::next(flag) == words.end()) return failure(ErrorKind::malformed, {});
    parsed.fqdn = *std::next(flag);
    words.erase(flag, std::next(flag, 2));
  }
  auto addresses = take_address_words(words);
  if (!addresses) return failure_of(addresses);
  if (!words.empty()) return std::unexpected{leftover_words(words)};
  parsed.addresses = *std::move(addresses);
  return parsed;
}

} // namespace weave::tools
