#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"

struct nft_ctx;

namespace weave::datapath {

/// Runs a script of nft as one transaction and gives what it prints.
using RunNftables = std::function<Result<std::string>(std::string const& script)>;

/// The kernel's nftables, in the network namespace in which this was opened. Blocking, a millisecond or so a call.
/// Objects of this class may be used by several threads, each by one: the library behind them is not made for that, so
/// that they wait for each other.
class Nftables {
 public:
  /// system where there are none.
  [[nodiscard]] static Result<Nftables> open();

  /// refused or system with the first line of what the kernel or the parser says; nothing has been changed then.
  [[nodiscard]] Result<std::string> run(std::string const& script);

 private:
  struct Free {
    void operator()(nft_ctx* context) const;
  };
  using Context = std::unique_ptr<nft_ctx, Free>;

  explicit Nftables(Context context) : context_{std::move(context)} {}

  Context context_;
};

/// One that opens at its first call, in the network namespace of the thread that calls it then, and again after a
/// failure to open.
[[nodiscard]] RunNftables kernel_nftables();

} // namespace weave::datapath
