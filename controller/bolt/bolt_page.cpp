#include "controller/bolt/bolt_page.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

namespace weave::controller::bolt {
namespace {

constexpr std::size_t kHeaderSize = 16;
constexpr std::size_t kElementSize = 16;
constexpr std::uint16_t kBranch = 1;
constexpr std::uint16_t kLeaf = 2;
constexpr std::uint32_t kBucket = 1;

/// In a meta page, behind the page's header: magic u32 | version u32 | page size u32 | flags u32 | root page u64 | root
/// sequence u64 | free list page u64 | high-water page u64 | transaction u64 | checksum u64 of what is before it.
constexpr std::uint32_t kMagic = 0xed0cdaed;
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kMetaSize = 64;
constexpr std::size_t kChecksumOffset = 56;
constexpr std::size_t kSmallestPage = 1024;
constexpr std::size_t kLargestPage = 65536;

std::uint64_t fnv1a(ByteView bytes) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (auto const byte : bytes) hash = (hash ^ byte) * 1099511628211ULL;
  return hash;
}

} // namespace

template <class T>
T number_at(ByteView bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
  return value;
}
template std::uint16_t number_at(ByteView, std::size_t);
template std::uint32_t number_at(ByteView, std::size_t);
template std::uint64_t number_at(ByteView, std::size_t);

bool Page::is_branch() const { return number_at<std::uint16_t>(bytes_, 8) == kBranch; }

bool Page::is_leaf() const { return number_at<std::uint16_t>(bytes_, 8) == kLeaf; }

std::size_t Page::count() const { return number_at<std::uint16_t>(bytes_, 10); }

bool Page::holds_its_elements() const { return count() * kElementSize <= bytes_.size() - kHeaderSize; }

std::optional<Page::Leaf> Page::leaf(std::size_t index) const {
  auto const element = bytes_.subspan(kHeaderSize + index * kElementSize);
  std::size_t const position = number_at<std::uint32_t>(element, 4);
  std::size_t const key_size = number_at<std::uint32_t>(element, 8);
  std::size_t const value_size = number_at<std::uint32_t>(element, 12);
  if (position > element.size() || key_size > element.size() - position) return std::nullopt;
  if (value_size > element.size() - position - key_size) return std::nullopt;
  return Leaf{.is_bucket = (number_at<std::uint32_t>(element, 0) & kBucket) != 0,
              .key = as_text(element.subspan(position, key_size)),
              .value = element.subspan(position + key_size, value_size)};
}

PageId Page::child(std::size_t index) const {
  return number_at<std::uint64_t>(bytes_, kHeaderSize + index * kElementSize + 8);
}

PageFile::PageFile(ByteView file, Meta meta) : file_{file}, meta_{meta} {
  taken_.resize(std::min(meta.high_water, file.size() / meta.page_size));
}

Result<PageFile> PageFile::open(ByteView file) {
  auto const meta = choose_meta(file);
  if (!meta) return failure(ErrorKind::malformed, "it is not a Bolt database, or both its meta pages are damaged");
  return PageFile{file, *meta};
}

std::optional<PageFile::Meta> PageFile::choose_meta(ByteView file) {
  auto first = read_meta(file, 0);
  std::optional<Meta> second;
  if (first) {
    second = read_meta(file, first->page_size);
  } else {
    // Where the second one starts only the first one says.
    for (auto size = kSmallestPage; size <= kLargestPage && !second; size *= 2) {
      second = read_meta(file, size);
      if (second && second->page_size != size) second.reset();
    }
  }
  if (!first || (second && second->transaction > first->transaction)) return second;
  return first;
}

std::optional<PageFile::Meta> PageFile::read_meta(ByteView file, std::size_t page_start) {
  if (file.size() < kHeaderSize + kMetaSize || page_start > file.size() - kHeaderSize - kMetaSize) return std::nullopt;
  auto const bytes = file.subspan(page_start + kHeaderSize, kMetaSize);
  if (number_at<std::uint32_t>(bytes, 0) != kMagic || number_at<std::uint32_t>(bytes, 4) != kVersion) return {};
  // Early versions of Bolt wrote no checksum.
  auto const checksum = number_at<std::uint64_t>(bytes, kChecksumOffset);
  if (checksum != 0 && checksum != fnv1a(bytes.first(kChecksumOffset))) return std::nullopt;
  Meta const meta{.page_size = number_at<std::uint32_t>(bytes, 8),
                  .root = number_at<std::uint64_t>(bytes, 16),
                  .high_water = number_at<std::uint64_t>(bytes, 40),
                  .transaction = number_at<std::uint64_t>(bytes, 48)};
  if (!std::has_single_bit(meta.page_size) || meta.page_size < kSmallestPage || meta.page_size > kLargestPage) {
    return std::nullopt;
  }
  return meta;
}

Result<Page> PageFile::take(PageId id) {
  auto const fault = [id](std::string_view what) {
    return failure(ErrorKind::malformed, fmt::format("page {} {}", id, what));
  };
  if (id >= taken_.size()) return fault("lies outside the file, which may have been cut short");
  auto const start = static_cast<std::size_t>(id) * meta_.page_size;
  if (number_at<std::uint64_t>(file_, start) != id) return fault("is not what its number says");
  std::uint64_t const pages = std::uint64_t{1} + number_at<std::uint32_t>(file_, start + 12);
  if (pages > taken_.size() - id) return fault("reaches beyond the file, which may have been cut short");
  for (auto at = id; at < id + pages; ++at) {
    if (at < 2 || taken_[at]) return fault("is referred to twice");
    taken_[at] = true;
  }
  Page const page{file_.subspan(start, static_cast<std::size_t>(pages) * meta_.page_size)};
  if (!page.is_branch() && !page.is_leaf()) return fault("is neither branch nor leaf");
  if (!page.holds_its_elements()) return fault("has more elements than room");
  return page;
}

} // namespace weave::controller::bolt
