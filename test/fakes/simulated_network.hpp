#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/scheduler.hpp"
#include "gossip/transport.hpp"

namespace weave::test {

/// TCP between simulated hosts, in virtual time and replayable from its seed: latency, slow links, partitions (packets
/// vanish, connections stay), resets, and a name service. Must outlive the transports it hands out.
class SimulatedNetwork {
 public:
  SimulatedNetwork(Scheduler& scheduler, std::uint64_t seed);
  ~SimulatedNetwork();

  /// What one host sees of the network.
  [[nodiscard]] std::unique_ptr<gossip::Transport> host(std::string ip);

  /// One-way delay: uniform in [least, least + spread).
  void set_latency(Duration least, Duration spread);
  /// Bytes per second from one host to another; 0: unlimited.
  void set_rate(std::string const& from, std::string const& to, std::size_t bytes_per_second);
  /// Nothing passes between these hosts and all others until heal().
  void partition(std::set<std::string> side);
  void heal();
  /// Resets every connection between two hosts at both ends.
  void reset(std::string const& a, std::string const& b);
  /// What a name resolves to; an empty list makes it unknown again.
  void set_name(std::string const& name, std::vector<std::string> ips);

  [[nodiscard]] std::uint64_t bytes_carried() const { return bytes_carried_; }
  [[nodiscard]] std::size_t dials() const { return dials_; }
  /// Bytes written at `from` towards `to` that the link has not taken yet.
  [[nodiscard]] std::size_t backlog(std::string const& from, std::string const& to) const;

 private:
  friend class SimulatedHost;
  friend class SimulatedStream;
  struct End;
  struct Connection;
  using Acceptor = std::function<void(std::unique_ptr<gossip::ByteStream>)>;
  using Dialled = std::function<void(Result<std::unique_ptr<gossip::ByteStream>>)>;

  [[nodiscard]] bool is_blocked(std::string const& a, std::string const& b) const;
  [[nodiscard]] Duration delay();
  void later(Duration delay, std::function<void()> call);
  void dial(std::string const& from, std::string const& address, std::shared_ptr<Dialled> done);
  void connect(std::string const& from, std::string const& address, std::shared_ptr<Dialled> done);
  void transmit(std::shared_ptr<Connection> const& connection, int side);
  void arrive(std::shared_ptr<Connection> const& connection, int side, Bytes bytes);
  void close(std::shared_ptr<Connection> const& connection, int side);
  void finish(std::shared_ptr<Connection> const& connection, int side);
  void send_reset(std::shared_ptr<Connection> const& connection, int side);
  void on_reset(std::shared_ptr<Connection> const& connection, int side);

  Scheduler& scheduler_;
  SeededRandom random_;
  Duration least_ = std::chrono::milliseconds{1};
  Duration spread_{};
  std::map<std::pair<std::string, std::string>, std::size_t> rates_;
  std::set<std::string> side_;
  std::map<std::string, std::vector<std::string>> names_;
  std::map<std::string, Acceptor> listeners_;
  std::vector<std::weak_ptr<Connection>> connections_;
  std::uint16_t next_port_ = 32768;
  std::uint64_t bytes_carried_ = 0;
  std::size_t dials_ = 0;
};

} // namespace weave::test
