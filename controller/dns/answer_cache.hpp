#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.hpp"
#include "base/scheduler.hpp"

namespace weave::controller::dns {

/// Replies of other servers for as long as their TTLs allow, bounded in number and bytes: what was used longest ago
/// goes first. Knows nothing of DNS but ageing; the caller checks what may be kept. Control thread only.
class AnswerCache {
 public:
  struct Limits {
    std::size_t entries = 2048;
    std::size_t bytes = std::size_t{1} << 20U; ///< of keys and replies
    Duration longest{std::chrono::minutes{30}};
  };

  AnswerCache() : AnswerCache(Limits{}) {}
  explicit AnswerCache(Limits limits) : limits_{limits} {}

  /// The reply with its TTLs lowered by its age.
  [[nodiscard]] std::optional<Bytes> find(std::string_view key, TimePoint now);
  /// Keeps it for `seconds`; zero keeps nothing.
  void insert(std::string key, ByteView reply, std::uint32_t seconds, TimePoint now);
  void clear();

  [[nodiscard]] std::size_t size() const { return index_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string key;
    Bytes reply;
    TimePoint stored;
    TimePoint expires;
    [[nodiscard]] std::size_t bytes() const { return key.size() + reply.size(); }
  };
  using Entries = std::list<Entry>;

  void erase(Entries::iterator entry);

  Limits limits_;
  Entries entries_; ///< used last in front
  std::unordered_map<std::string_view, Entries::iterator> index_;
  std::size_t bytes_ = 0;
};

} // namespace weave::controller::dns
