#include "controller/dns/answer_cache.hpp"

#include <algorithm>
#include <utility>

#include "controller/dns/relayed_reply.hpp"

namespace weave::controller::dns {

std::optional<Bytes> AnswerCache::find(std::string_view key, TimePoint now) {
  auto const found = index_.find(key);
  if (found == index_.end()) return std::nullopt;
  auto const entry = found->second;
  if (entry->expires <= now) {
    erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  auto reply = entry->reply;
  age_reply(reply, static_cast<std::uint32_t>((now - entry->stored) / std::chrono::seconds{1}));
  return reply;
}

void AnswerCache::insert(std::string key, ByteView reply, std::uint32_t seconds, TimePoint now) {
  if (auto const found = index_.find(key); found != index_.end()) erase(found->second);
  if (seconds == 0 || key.size() + reply.size() > limits_.bytes) return;
  auto const lifetime = std::min<Duration>(std::chrono::seconds{seconds}, limits_.longest);
  entries_.push_front(
      {.key = std::move(key), .reply = Bytes(reply.begin(), reply.end()), .stored = now, .expires = now + lifetime});
  index_.emplace(entries_.front().key, entries_.begin());
  bytes_ += entries_.front().bytes();
  while (index_.size() > limits_.entries || bytes_ > limits_.bytes) erase(std::prev(entries_.end()));
}

void AnswerCache::clear() {
  index_.clear();
  entries_.clear();
  bytes_ = 0;
}

void AnswerCache::erase(Entries::iterator entry) {
  bytes_ -= entry->bytes();
  index_.erase(entry->key);
  entries_.erase(entry);
}

} // namespace weave::controller::dns
