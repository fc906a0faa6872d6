#include "gossip/asio/host_lookup.hpp"

#include <algorithm>
#include <mutex>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "gossip/asio/tcp_address.hpp"

namespace weave::gossip {
namespace {

using Addresses = std::vector<std::string>;
using Done = std::function<void(Result<Addresses>)>;

/// Shared by the control thread and the thread that looks up. `abandoned` decides, under the mutex, whether the
/// executor may still be used.
struct Lookup {
  boost::asio::any_io_executor executor;
  Done done;
  std::mutex mutex;
  bool abandoned = false;
};

class PendingLookup final : public Operation {
 public:
  explicit PendingLookup(std::shared_ptr<Lookup> lookup) : lookup_{std::move(lookup)} {}
  PendingLookup(PendingLookup const&) = delete;
  PendingLookup& operator=(PendingLookup const&) = delete;
  ~PendingLookup() override {
    std::lock_guard const guard{lookup_->mutex};
    lookup_->abandoned = true;
    // Its captures belong to the control thread and must not die with the thread that looks up.
    lookup_->done = nullptr;
  }

 private:
  std::shared_ptr<Lookup> lookup_;
};

void post_result(std::shared_ptr<Lookup> const& lookup, Result<Addresses> result) {
  std::lock_guard const guard{lookup->mutex};
  if (lookup->abandoned) return;
  boost::asio::post(lookup->executor, [lookup, result = std::move(result)] {
    Done done;
    {
      std::lock_guard const inner{lookup->mutex};
      done.swap(lookup->done);
    }
    if (done) done(result);
  });
}

std::unexpected<Error> lookup_failure(std::string const& host, int status) {
  if (status == EAI_NONAME || status == EAI_NODATA) {
    return failure(ErrorKind::not_found, fmt::format("lookup {}: no such host", host));
  }
  std::string reason = ::gai_strerror(status);
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  return failure(ErrorKind::unavailable, fmt::format("lookup {}: {}", host, reason));
}

Result<Addresses> look_up(std::string const& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  int const status = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) return lookup_failure(host, status);
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> const owner{found, &::freeaddrinfo};
  std::vector<boost::asio::ip::address> addresses;
  for (auto const* entry = found; entry != nullptr; entry = entry->ai_next) {
    boost::asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::copy_n(reinterpret_cast<char const*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(endpoint.data()));
    addresses.push_back(plain_address(endpoint.address()));
  }
  std::ranges::stable_partition(addresses, [](auto const& address) { return address.is_v4(); });
  Addresses texts;
  for (auto const& address : addresses) texts.push_back(address.to_string());
  if (texts.empty()) return failure(ErrorKind::not_found, fmt::format("lookup {}: no such host", host));
  return texts;
}

/// Signals are for the control thread.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  BlockedSignals(BlockedSignals const&) = delete;
  BlockedSignals& operator=(BlockedSignals const&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

bool start_thread(std::shared_ptr<Lookup> const& lookup, std::shared_ptr<std::atomic<int>> const& running,
                  std::string const& host) {
  BlockedSignals const blocked;
  try {
    std::thread{[lookup, running, host] {
      auto result = look_up(host);
      --*running;
      post_result(lookup, std::move(result));
    }}.detach();
    return true;
  } catch (std::system_error const&) {
    return false;
  }
}

} // namespace

std::unique_ptr<Operation> HostLookup::resolve(std::string const& host, Done done) {
  auto lookup = std::make_shared<Lookup>();
  lookup->executor = executor_;
  lookup->done = std::move(done);
  boost::system::error_code not_literal;
  auto const literal = boost::asio::ip::make_address(host, not_literal);
  if (!not_literal) {
    post_result(lookup, Addresses{plain_address(literal).to_string()});
  } else if (++*running_ > kMaxLookups || !start_thread(lookup, running_, host)) {
    --*running_;
    post_result(lookup, failure(ErrorKind::unavailable, fmt::format("lookup {}: too many lookups at once", host)));
  }
  return std::make_unique<PendingLookup>(std::move(lookup));
}

} // namespace weave::gossip
