#include "datapath/link/nftables.hpp"

#include <mutex>
#include <nftables/libnftables.h>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace weave::datapath {
namespace {

/// libnftables keeps some of what it knows in static variables.
std::mutex library;

} // namespace

void Nftables::Free::operator()(nft_ctx* context) const {
  std::lock_guard const alone{library};
  nft_ctx_free(context);
}

Result<Nftables> Nftables::open() {
  // The lock is not held while a context is freed.
  auto context = [] {
    std::lock_guard const alone{library};
    return Context{nft_ctx_new(NFT_CTX_DEFAULT)};
  }();
  if (!context || nft_ctx_buffer_error(context.get()) != 0 || nft_ctx_buffer_output(context.get()) != 0) {
    return failure(ErrorKind::system, "nftables cannot be used");
  }
  return Nftables{std::move(context)};
}

Result<std::string> Nftables::run(std::string const& script) {
  std::lock_guard const alone{library};
  if (nft_run_cmd_from_buffer(context_.get(), script.c_str()) == 0) {
    return std::string{nft_ctx_get_output_buffer(context_.get())};
  }
  std::string_view const errors = nft_ctx_get_error_buffer(context_.get());
  // The lines that follow repeat the script.
  return failure(ErrorKind::system, fmt::format("nftables: {}", errors.substr(0, errors.find('\n'))));
}

RunNftables kernel_nftables() {
  return [opened = std::make_shared<std::optional<Nftables>>()](std::string const& script) -> Result<std::string> {
    if (!*opened) {
      auto fresh = Nftables::open();
      if (!fresh) return failure_of(fresh);
      opened->emplace(std::move(*fresh));
    }
    return (*opened)->run(script);
  };
}

} // namespace weave::datapath
