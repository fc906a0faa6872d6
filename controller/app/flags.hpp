#pragma once

#include <span>
#include <string_view>

#include "base/result.hpp"
#include "controller/app/options.hpp"

namespace weave::controller {

/// One flag of the daemon. `apply` puts its text into the options; an error of kind refused is fatal (exit 1), any
/// other is misuse (exit 125). Without `apply` the part is not there and only the values in `tolerated` are accepted.
struct Flag {
  enum class Kind { boolean, value };

  std::string_view name; ///< with its dashes
  Kind kind = Kind::value;
  std::string_view fallback; ///< shown by --help
  std::string_view help;
  Result<void> (*apply)(Options&, std::string_view) = nullptr;
  std::string_view tolerated = {}; ///< blank-separated
  /// What a value has to be, for "… is expected"; without `apply`: why it is not there and what to do instead.
  std::string_view expected = {};
};

/// Every flag of protocol/surfaces.md §4 and ours, in the order of --help.
[[nodiscard]] std::span<Flag const> flags();

/// Go's words for truth.
[[nodiscard]] Result<bool> parse_boolean(std::string_view text);
[[nodiscard]] Result<IpallocInit> parse_ipalloc_init(std::string_view text);

} // namespace weave::controller
