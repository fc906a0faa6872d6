#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/random.hpp"
#include "base/unique_fd.hpp"
#include "controller/dns/answering.hpp"
#include "controller/dns/latency.hpp"
#include "controller/dns/name_lookup.hpp"
#include "controller/dns/udp_socket.hpp"

namespace weave::controller::dns {

/// What became of queries; added up over time.
struct QueryCounts {
  std::uint64_t queries = 0;
  std::uint64_t positive = 0;
  std::uint64_t negative = 0;
  std::uint64_t malformed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t truncated = 0;

  void count(Decision const& decision);
  QueryCounts& operator+=(QueryCounts const& other);
};

/// A thread that answers what comes to its UDP sockets from the names' snapshot, many at a time and without allocating;
/// what others have to answer it hands out. Made, started and destroyed on the control thread; destruction ends the
/// thread, which takes no longer than the batch at hand.
class UdpWorker {
 public:
  /// Called on the worker's thread, with what is valid during the call.
  using Forward = std::function<void(UdpSocket const&, UdpClient const&, ByteView query)>;

  /// `names` must outlive it.
  UdpWorker(std::vector<UdpSocket> sockets, NameLookup const& names, AnsweringOptions const& options,
            std::uint64_t random_seed, Forward forward);
  UdpWorker(UdpWorker const&) = delete;
  UdpWorker& operator=(UdpWorker const&) = delete;
  ~UdpWorker();

  /// Errors: no thread can be had.
  [[nodiscard]] Result<void> start();

  [[nodiscard]] std::vector<UdpSocket> const& sockets() const { return sockets_; }
  /// Any thread; as of the last batch.
  [[nodiscard]] QueryCounts counts() const;
  /// Any thread. Of what was answered here: from when a batch was taken until its answers were sent.
  [[nodiscard]] LatencyCounts latency() const { return latency_.counts(); }

 private:
  struct Batch;

  void run();
  [[nodiscard]] bool serve(UdpSocket const& socket);
  void publish(QueryCounts const& counts);

  std::vector<UdpSocket> sockets_;
  NameReader names_;
  SeededRandom random_;
  Answering answering_;
  Forward forward_;
  UniqueFd stop_;
  std::unique_ptr<Batch> batch_;
  std::array<std::atomic<std::uint64_t>, sizeof(QueryCounts) / sizeof(std::uint64_t)> counts_{};
  LatencyHistogram latency_;
  std::thread thread_;
};

} // namespace weave::controller::dns
