#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "datapath/link/addresses.hpp"
#include "datapath/link/device_settings.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/network_namespace.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::test {

/// A network namespace of its own for one test, with tools that act inside. Nothing survives this object.
class ScratchNamespace {
 public:
  /// None without the right to make one; `reason` says why.
  [[nodiscard]] static std::unique_ptr<ScratchNamespace> create(std::string& reason) {
    auto made = datapath::NetworkNamespace::create();
    if (!made) {
      reason = made.error().text();
      return nullptr;
    }
    std::unique_ptr<ScratchNamespace> scratch{new ScratchNamespace{std::move(*made)}};
    auto const opened = scratch->run([&]() -> Result<void> {
      auto socket = datapath::RouteSocket::open();
      if (!socket) return failure_of(socket);
      scratch->socket_.emplace(std::move(*socket));
      scratch->links_.emplace(*scratch->socket_);
      scratch->addresses_.emplace(*scratch->socket_);
      return scratch->links_->change("lo", {.up = true});
    });
    if (opened) return scratch;
    reason = opened.error().text();
    return nullptr;
  }

  [[nodiscard]] Result<void> run(std::function<Result<void>()> const& work) const { return namespace_.run(work); }
  [[nodiscard]] datapath::NetworkNamespace const& handle() const { return namespace_; }
  [[nodiscard]] datapath::Links& links() { return *links_; }
  [[nodiscard]] datapath::Addresses& addresses() { return *addresses_; }

  /// Runs a shell command inside; its exit status, -1 if it did not end by itself.
  int shell(std::string const& command) const {
    int status = -1;
    (void)run([&]() -> Result<void> {
      int const raw = ::system(command.c_str());
      if (WIFEXITED(raw)) status = WEXITSTATUS(raw);
      return {};
    });
    return status;
  }

 private:
  explicit ScratchNamespace(datapath::NetworkNamespace handle) : namespace_{std::move(handle)} {}

  datapath::NetworkNamespace namespace_;
  std::optional<datapath::RouteSocket> socket_;
  std::optional<datapath::Links> links_;
  std::optional<datapath::Addresses> addresses_;
};

/// In a test body: makes `variable`, or skips the test with the reason.
#define WEAVE_SCRATCH_NAMESPACE(variable)                                         \
  std::string variable##_reason;                                                  \
  auto const variable = weave::test::ScratchNamespace::create(variable##_reason); \
  if (!variable) GTEST_SKIP() << "no network namespace: " << variable##_reason

/// Turns a Result into a test failure that shows the text.
#define WEAVE_ASSERT_OK(expression)                                       \
  do {                                                                    \
    auto const& weave_result = (expression);                              \
    ASSERT_TRUE(weave_result.has_value()) << weave_result.error().text(); \
  } while (false)

} // namespace weave::test
