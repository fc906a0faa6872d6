#pragma once

#include <cstring>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"

namespace weave {

/// Octets that must not outlive their use: wiped when replaced or destroyed, moved but never copied by accident, and
/// not printable. Owns its memory; a value.
class Secret {
 public:
  Secret() = default;
  /// Takes over the octets; nothing of them stays with the caller.
  explicit Secret(Bytes octets) : octets_{std::move(octets)} {}
  [[nodiscard]] static Secret of(std::string_view text) {
    auto const octets = as_bytes(text);
    return Secret{Bytes{octets.begin(), octets.end()}};
  }
  Secret(Secret&& other) noexcept : octets_{std::exchange(other.octets_, {})} {}
  Secret& operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    wipe();
    octets_ = std::exchange(other.octets_, {});
    return *this;
  }
  Secret(Secret const&) = delete;
  Secret& operator=(Secret const&) = delete;
  ~Secret() { wipe(); }

  [[nodiscard]] Secret clone() const { return Secret{octets_}; }
  [[nodiscard]] ByteView octets() const { return octets_; }
  [[nodiscard]] bool empty() const { return octets_.empty(); }

 private:
  void wipe() {
    if (!octets_.empty()) ::explicit_bzero(octets_.data(), octets_.size());
  }

  Bytes octets_;
};

} // namespace weave
