// Paths, percent sequences and forms of HTTP requests.
#include <string>

#include "base/http/message.hpp"
#include "base/http/router.hpp"
#include "test/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  using fuzz::demand;
  fuzz::FuzzInput input{data, size};
  auto const pattern = input.take(input.u8());
  std::string const text{as_text(input.rest())};
  auto const decoded = http::percent_decode(text);
  demand(http::percent_decode(http::percent_encode(text)) == text, "encoding loses nothing");
  if (decoded) demand(decoded->size() <= text.size(), "decoding never grows");
  auto const form = http::Form::parse(text);
  demand(http::Form::parse(form.to_string()).to_string() == form.to_string(), "a form survives the wire");
  for (auto const* const known : {"/ip/{id}/{ip}/{len}", "/status/{part}", "/"}) (void)http::match_path(known, text);
  (void)http::match_path(as_text(pattern), text);
  http::Request const request{.method = "POST",
                              .target = text,
                              .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                              .body = text};
  demand(request.path().size() <= text.size(), "a path is a part of its target");
  (void)request.query();
  (void)request.parameters().to_string();
  return 0;
}
