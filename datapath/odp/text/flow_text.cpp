#include "datapath/odp/text/flow_text.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "datapath/odp/text/libopenvswitch.h"

namespace weave::datapath::odp {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Text = std::unique_ptr<char, Free>;

/// The names as the C interface takes them; refers to the map.
class Ports {
 public:
  explicit Ports(PortNames const& names) {
    for (auto const& [number, name] : names) ports_.push_back({std::to_underlying(number), name.c_str()});
  }
  [[nodiscard]] weave_odp_ports get() const { return {ports_.data(), ports_.size()}; }

 private:
  std::vector<weave_odp_port> ports_;
};

/// Attributes at an address that is aligned for them.
class Aligned {
 public:
  explicit Aligned(ByteView bytes) : size_{bytes.size()}, words_((bytes.size() + 3) / 4) {
    std::ranges::copy(bytes, reinterpret_cast<std::uint8_t*>(words_.data()));
  }
  [[nodiscard]] void const* data() const { return words_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::vector<std::uint32_t> words_;
};

Bytes taken(weave_odp_bytes bytes) {
  std::unique_ptr<void, Free> const owner{bytes.data};
  auto const* first = static_cast<std::uint8_t const*>(bytes.data);
  return bytes.size == 0 ? Bytes{} : Bytes(first, first + bytes.size);
}

} // namespace

std::string match_text(ByteView key, ByteView mask, PortNames const& names, bool verbose) {
  Aligned const aligned_key{key};
  Aligned const aligned_mask{mask};
  Ports const ports{names};
  return Text{weave_odp_format_match(aligned_key.data(), aligned_key.size(), aligned_mask.data(), aligned_mask.size(),
                                     ports.get(), verbose ? 1 : 0)}
      .get();
}

std::string actions_text(ByteView actions, PortNames const& names) {
  Aligned const aligned{actions};
  Ports const ports{names};
  return Text{weave_odp_format_actions(aligned.data(), aligned.size(), ports.get())}.get();
}

Result<MatchBytes> parse_match_text(std::string const& text, PortNames const& names) {
  Ports const ports{names};
  weave_odp_bytes key{};
  weave_odp_bytes mask{};
  char* reason = nullptr;
  auto const code = weave_odp_parse_match(text.c_str(), ports.get(), &key, &mask, &reason);
  Text const owned_reason{reason};
  if (code != 0) {
    return failure(ErrorKind::malformed, fmt::format("not a flow: {}", reason != nullptr ? reason : text.c_str()));
  }
  return MatchBytes{.key = taken(key), .mask = taken(mask)};
}

Result<Bytes> parse_actions_text(std::string const& text, PortNames const& names) {
  Ports const ports{names};
  weave_odp_bytes actions{};
  if (weave_odp_parse_actions(text.c_str(), ports.get(), &actions) != 0) {
    return failure(ErrorKind::malformed, fmt::format("not a list of actions: {}", text));
  }
  return taken(actions);
}

} // namespace weave::datapath::odp
