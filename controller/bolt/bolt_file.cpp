#include "controller/bolt/bolt_file.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "controller/bolt/bolt_page.hpp"

namespace weave::controller::bolt {
namespace {

/// The value of a bucket: root page u64 | sequence u64 | with root page 0 the bucket's only leaf.
constexpr std::size_t kBucketHeaderSize = 16;
constexpr std::size_t kPageHeaderSize = 16;

using Leaves = std::vector<Page::Leaf>;

std::unexpected<Error> damaged(std::string text) { return failure(ErrorKind::malformed, std::move(text)); }

Result<void> append_leaves(Page const& page, Leaves& leaves) {
  for (std::size_t i = 0; i < page.count(); ++i) {
    auto const leaf = page.leaf(i);
    if (!leaf) return damaged("a key or value reaches beyond its page");
    if (!leaves.empty() && leaf->key <= leaves.back().key) return damaged("keys are out of order");
    leaves.push_back(*leaf);
  }
  return {};
}

/// Depth first, so that the keys come in their order.
Result<Leaves> leaves_of_tree(PageFile& file, PageId root) {
  Leaves leaves;
  std::vector<PageId> waiting{root};
  while (!waiting.empty()) {
    auto const id = waiting.back();
    waiting.pop_back();
    auto const page = file.take(id);
    if (!page) return failure_of(page);
    if (page->is_branch()) {
      for (auto i = page->count(); i > 0; --i) waiting.push_back(page->child(i - 1));
    } else if (auto const appended = append_leaves(*page, leaves); !appended) {
      return failure_of(appended);
    }
  }
  return leaves;
}

Result<Leaves> leaves_of_bucket(PageFile& file, ByteView value) {
  if (value.size() < kBucketHeaderSize) return damaged("a bucket is too short");
  if (auto const root = number_at<std::uint64_t>(value, 0); root != 0) return leaves_of_tree(file, root);
  auto const inside = value.subspan(kBucketHeaderSize);
  if (inside.size() < kPageHeaderSize) return damaged("an inline bucket is too short");
  Page const page{inside};
  if (!page.is_leaf() || !page.holds_its_elements()) return damaged("an inline bucket is no leaf");
  Leaves leaves;
  if (auto const appended = append_leaves(page, leaves); !appended) return failure_of(appended);
  return leaves;
}

} // namespace

Result<std::vector<BucketEntry>> read_bucket(ByteView file, std::string_view name) {
  auto pages = PageFile::open(file);
  if (!pages) return failure_of(pages);
  auto const buckets = leaves_of_tree(*pages, pages->root());
  if (!buckets) return failure_of(buckets);
  auto const found = std::ranges::find(*buckets, name, &Page::Leaf::key);
  if (found == buckets->end() || !found->is_bucket) {
    return failure(ErrorKind::not_found, fmt::format("there is no bucket '{}'", name));
  }
  auto const leaves = leaves_of_bucket(*pages, found->value);
  if (!leaves) return failure_of(leaves);
  std::vector<BucketEntry> entries;
  for (auto const& leaf : *leaves) {
    if (!leaf.is_bucket) entries.push_back({.key = leaf.key, .value = leaf.value});
  }
  return entries;
}

} // namespace weave::controller::bolt
