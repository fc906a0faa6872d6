#pragma once

#include <compare>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/result.hpp"

namespace weave::controller::dns {

/// One name of ours, as people ask for it.
struct OwnName {
  std::string container_id;
  /// Fully qualified, with the final dot.
  std::string hostname;
  Ipv4Address address;

  friend auto operator<=>(OwnName const&, OwnName const&) = default;
};

/// What people have said about a name, which outlives the daemon.
enum class Wish {
  present,
  /// Although its container would have it.
  absent,
};

/// The port behind which wishes are kept. `save` is one transaction and returns when it is on stable storage; no wish:
/// forget the name. Control thread.
class NameStore {
 public:
  using Row = std::pair<OwnName, Wish>;
  using Change = std::pair<OwnName, std::optional<Wish>>;

  virtual ~NameStore() = default;

  [[nodiscard]] virtual Result<std::vector<Row>> load() = 0;
  [[nodiscard]] virtual Result<void> save(std::vector<Change> const& changes) = 0;
};

} // namespace weave::controller::dns
