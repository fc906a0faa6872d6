#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <boost/container/small_vector.hpp>

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
    auto const found = std::ranges::find_if(bucket->records, place.is(key));
    return found == bucket->records.end() ? nullptr : &found->value;
  }

  /// Inserts or replaces.
  void put(Key key, Value value) {
    auto const place = place_of(key);
    auto& records = own_bucket(place).records;
    auto const found = std::ranges::find_if(records, place.is(key));
    if (found != records.end()) {
      found->value = std::move(value);
      return;
    }
    records.push_back({.hash = place.hash, .key = std::move(key), .value = std::move(value)});
    ++size_;
  }

  template <class Wanted>
  void erase(Wanted const& key) {
    if (find(key) == nullptr) return;
    auto const place = place_of(key);
    auto& records = own_bucket(place).records;
    records.erase(std::ranges::find_if(records, place.is(key)));
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
  struct Record {
    std::uint64_t hash; ///< spares looking at the keys of others, which are elsewhere in memory
    Key key;
    Value value;
  };
  // What was made in an older edition may be part of a copy.
  struct Bucket {
    std::uint64_t edition = 0;
    // As many as there are with 10 000 keys need no memory of their own.
    boost::container::small_vector<Record, 4> records;
  };
  struct Page {
    std::uint64_t edition = 0;
    std::array<std::shared_ptr<Bucket>, kFanout> buckets;
  };
  struct Place {
    std::uint64_t hash;
    std::size_t page;
    std::size_t bucket;

    template <class Wanted>
    [[nodiscard]] auto is(Wanted const& key) const {
      return [this, &key](Record const& record) { return record.hash == hash && record.key == key; };
    }
  };

  template <class Wanted>
  [[nodiscard]] static Place place_of(Wanted const& key) {
    // The standard hash of a number is the number: spread it.
    auto const hash = static_cast<std::uint64_t>(Hash{}(key)) * 0x9e37'79b9'7f4a'7c15ULL;
    return {.hash = hash, .page = hash >> 58, .bucket = (hash >> 52) % kFanout};
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
