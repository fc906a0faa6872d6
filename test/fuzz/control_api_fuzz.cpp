// Requests to the control socket and the status address.
#include <array>
#include <memory>
#include <string>

#include "controller/api/control_routes.hpp"
#include "test/fuzz/fuzz_input.hpp"
#include "test/unit/api/fake_ports.hpp"

namespace weave::fuzz {
namespace {

constexpr std::array kMethods{"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"};

class Sink final : public http::Responder::Sink {
 public:
  explicit Sink(std::shared_ptr<int> status) : status_{std::move(status)} {}
  void deliver(http::Response response) override {
    demand(*status_ == 0 && response.status >= 200 && response.status < 600, "one answer with a real status");
    *status_ = response.status;
  }
  [[nodiscard]] bool abandoned() const override { return false; }
  void set_on_abandoned(std::function<void()> call) override { leave_ = std::move(call); }
  void leave() {
    if (auto const call = std::exchange(leave_, nullptr)) call();
  }

 private:
  std::shared_ptr<int> status_;
  std::function<void()> leave_;
};

void ask(http::Router const& router, std::uint8_t flags, std::string target, std::string body) {
  auto const status = std::make_shared<int>(0);
  auto const sink = std::make_shared<Sink>(status);
  http::Request request{.method = kMethods[(flags & 7U) % kMethods.size()],
                        .target = std::move(target),
                        .headers = {},
                        .body = std::move(body)};
  if ((flags & 8) != 0) request.headers.add("Content-Type", "application/x-www-form-urlencoded");
  if ((flags & 16) != 0) request.headers.add("Accept", "application/json");
  router(std::move(request), http::Responder{sink});
  sink->leave();
}

} // namespace
} // namespace weave::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace weave;
  using namespace weave::controller;
  fuzz::FuzzInput input{data, size};
  api::FakeDaemon daemon;
  api::FakeAddresses addresses;
  api::FakeNetwork network;
  api::AgreeableHost host;
  auto const control = api::control_routes({.daemon = &daemon,
                                            .addresses = &addresses,
                                            .docker_network = &network,
                                            .names = nullptr,
                                            .attach = &host,
                                            .expose = &host});
  auto const status = api::status_routes(daemon);
  while (!input.empty()) {
    auto const record = input.record();
    std::string text{as_text(record.content)};
    auto const end = std::min(text.find('\n'), text.size());
    auto body = end < text.size() ? text.substr(end + 1) : std::string{};
    fuzz::ask(control, record.operation, text.substr(0, end), body);
    fuzz::ask(status, record.operation, text.substr(0, end), body);
    addresses.waiting_allocate = nullptr;
    addresses.waiting_prime = nullptr;
  }
  return 0;
}
