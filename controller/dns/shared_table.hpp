#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace weave::controller::dns {

/// A hash table whose copies share everything in which they do not differ: taking a copy costs 64 pointers, and a
/// change after that copies one path of the tree and no more, however large the table is. Copies are independent
/// values; a copy that nobody changes any more may be read by any number of threads. Made for some 100 000 records.
template <class Key, class Value, class Hash = std::hash<Key>>
class SharedTable {
 public:
  /// Null if there is none; valid until this copy changes or dies.
  template <class Wanted>
  [[nodiscard]] Value const* find(Wanted const& key) const {
    auto const place = place_of(key);
    auto const& page = pages_[place.page];
    if (!page) return nullptr;
    auto const& bucket = page->buckets[place.bucket];
    if (!bucket) return nullptr;
    auto const found = std::ranges::find(bucket->records, key, &Record::first);
    return found == bucket->records.end() ? nullptr : &found->second;
  }

  /// Inserts or replaces.
  void put(Key key, Value value) {
    auto& records = own_bucket(place_of(key)).records;
    auto const found = std::ranges::find(records, key, &Record::first);
    if (found != records.end()) {
      found->second = std::move(value);
      return;
    }
    records.emplace_back(std::move(key), std::move(value));
    ++size_;
  }

  template <class Wanted>
  void erase(Wanted const& key) {
    if (find(key) == nullptr) return;
    std::erase_if(own_bucket(place_of(key)).records, [&key](Record const& record) { return record.first == key; });
    --size_;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// A copy to hand out. From now on this table changes nothing that the copy can see.
  [[nodiscard]] SharedTable share() {
    ++edition_;
    return *this;
  }

 private:
  static constexpr std::size_t kFanout = 64;
  using Record = std::pair<Key, Value>;
  // What was made in an older edition may be part of a copy.
  struct Bucket {
    std::uint64_t edition = 0;
    std::vector<Record> records;
  };
  struct Page {
    std::uint64_t edition = 0;
    std::array<std::shared_ptr<Bucket>, kFanout> buckets;
  };
  struct Place {
    std::size_t page;
    std::size_t bucket;
  };

  template <class Wanted>
  [[nodiscard]] static Place place_of(Wanted const& key) {
    // The standard hash of a number is the number: spread it.
    auto const hash = static_cast<std::uint64_t>(Hash{}(key)) * 0x9e37'79b9'7f4a'7c15ULL;
    return {.page = hash >> 58, .bucket = (hash >> 52) % kFanout};
  }

  template <class Node>
  Node& own(std::shared_ptr<Node>& node) {
    if (!node) {
      node = std::make_shared<Node>();
    } else if (node->edition != edition_) {
      node = std::make_shared<Node>(*node);
    }
    node->edition = edition_;
    return *node;
  }
  [[nodiscard]] Bucket& own_bucket(Place place) { return own(own(pages_[place.page]).buckets[place.bucket]); }

  std::array<std::shared_ptr<Page>, kFanout> pages_;
  std::size_t size_ = 0;
  std::uint64_t edition_ = 1;
};

} // namespace weave::controller::dns
