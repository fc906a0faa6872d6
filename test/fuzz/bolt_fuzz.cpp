// The original's database. The input is a sparse file: page size (1), then records of page number and content.
#include <algorithm>

#include "controller/bolt/bolt_file.hpp"
#include "controller/bolt/original_state.hpp"
#include "test/fuzz/fuzz_input.hpp"

namespace weave::fuzz {
namespace {

constexpr std::size_t kPages = 64;
constexpr std::size_t kChecksum = 16 + 56;

/// Both meta pages without checksum, or hardly any input would get beyond them.
Bytes file_of(FuzzInput input) {
  auto const page_size = std::size_t{1024} << (input.u8() & 3);
  Bytes file(2 * page_size);
  while (!input.empty()) {
    auto const [number, content] = input.record();
    auto const start = number % kPages * page_size;
    auto const pages = (start + content.size() + page_size - 1) / page_size;
    file.resize(std::max(file.size(), pages * page_size));
    std::ranges::copy(content, file.begin() + static_cast<std::ptrdiff_t>(start));
  }
  for (auto const start : {std::size_t{0}, page_size}) {
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(start + kChecksum), 8, std::uint8_t{0});
  }
  return file;
}

void read(ByteView file) {
  auto const entries = controller::bolt::read_bucket(file, "top");
  if (!entries) return demand(!entries.error().text().empty(), "an error says what is wrong");
  std::string_view last;
  for (auto const& [key, value] : *entries) {
    demand(last.data() == nullptr || last < key, "keys come in order");
    demand(value.size() <= file.size() && (value.empty() || value.data() >= file.data()), "a value lies in the file");
    last = key;
  }
  auto const state = controller::bolt::decode_original_state(file);
  if (!state) return;
  if (state->ring && !state->ring->tokens.empty()) {
    demand(controller::ipam::validate(*state->ring).has_value(), "a ring that was read is a good one");
  }
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::fuzz;
  auto const file = file_of(FuzzInput{data, size});
  read(file);
  // As it comes: not even a database, as a rule.
  read({data, size});
  return 0;
}
