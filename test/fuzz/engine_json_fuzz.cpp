// What a Docker engine answers.
#include "controller/docker/engine_json.hpp"
#include "test/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave::controller::docker;
  auto const bytes = weave::fuzz::FuzzInput{data, size}.rest();
  auto const text = weave::as_text(bytes);
  if (auto const versions = decode_versions(text)) (void)choose_version(*versions);
  (void)decode_network(text);
  (void)decode_created_id(text);
  (void)decode_containers(text);
  (void)decode_error(500, text);
  if (auto const version = ApiVersion::parse(text)) {
    weave::fuzz::demand(ApiVersion::parse(version->to_string()) == version, "a version survives its text");
  }
  return 0;
}
