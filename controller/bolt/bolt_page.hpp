#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weave::controller::bolt {

using PageId = std::uint64_t;

/// One page with those that its overflow adds, or the leaf inside the value of an inline bucket; refers to the file.
///
///     id u64 | flags u16 | count u16 | overflow u32 | elements of 16 bytes, `count` of them | keys and values
///     leaf element:   flags u32 | pos u32 | key size u32 | value size u32
///     branch element: pos u32 | key size u32 | child page u64
///
/// `pos` counts from the element's own start. Integers are in the byte order of the machine that wrote them.
class Page {
 public:
  struct Leaf {
    bool is_bucket = false;
    std::string_view key;
    ByteView value;
  };

  explicit Page(ByteView bytes) : bytes_{bytes} {}

  [[nodiscard]] bool is_branch() const;
  [[nodiscard]] bool is_leaf() const;
  [[nodiscard]] std::size_t count() const;
  /// Whether all elements lie inside; to be asked before the next three.
  [[nodiscard]] bool holds_its_elements() const;
  /// Nothing if key or value lie outside the page.
  [[nodiscard]] std::optional<Leaf> leaf(std::size_t index) const;
  [[nodiscard]] PageId child(std::size_t index) const;

 private:
  ByteView bytes_;
};

/// The pages of a Bolt file by number, with its newest valid meta page chosen. Refers to the bytes of the file.
class PageFile {
 public:
  [[nodiscard]] static Result<PageFile> open(ByteView file);

  /// Where the tree of buckets starts.
  [[nodiscard]] PageId root() const { return meta_.root; }
  /// A page of a tree. Each can be taken once: in a sound file nothing refers to a page twice. malformed if it is no
  /// page of a tree, lies outside the file, or overlaps one taken before.
  [[nodiscard]] Result<Page> take(PageId id);

 private:
  struct Meta {
    std::size_t page_size = 0;
    PageId root = 0;
    /// Pages from here on are not in use.
    PageId high_water = 0;
    std::uint64_t transaction = 0;
  };

  PageFile(ByteView file, Meta meta);
  [[nodiscard]] static std::optional<Meta> read_meta(ByteView file, std::size_t page_start);
  [[nodiscard]] static std::optional<Meta> choose_meta(ByteView file);

  ByteView file_;
  Meta meta_;
  std::vector<bool> taken_;
};

/// The number at `offset`, which must lie inside.
template <class T>
[[nodiscard]] T number_at(ByteView bytes, std::size_t offset);

} // namespace weave::controller::bolt
