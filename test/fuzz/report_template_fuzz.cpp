// Templates of `weave report -f`, which whoever reaches the status address may send: they end, in bounded output, and a
// wrong one says in which line.
#include <string>

#include "controller/api/report_template.hpp"
#include "test/fuzz/fuzz_input.hpp"
#include "test/unit/api/sample_report.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  auto const bytes = fuzz::FuzzInput{data, size}.rest();
  static auto const report = [] {
    auto sample = controller::api::sample_report();
    sample.dns = controller::api::sample_dns();
    return sample;
  }();
  auto const text = controller::api::expand_template(as_text(bytes), report);
  fuzz::demand(text || text.error().text().starts_with("template: format:"), "an error says where it is");
  return 0;
}
