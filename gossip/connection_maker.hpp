#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "gossip/peer_table.hpp"
#include "gossip/retry_schedule.hpp"
#include "gossip/status.hpp"
#include "gossip/target_address.hpp"
#include "gossip/transport.hpp"

namespace weave::gossip {

/// Decides whom to dial and when (protocol/mesh.md §13): the peers a user gave, and those discovered in the topology.
/// It never closes a connection, but gives up a dial that has not got through when nobody wants it any more. A direct
/// peer whose name does not resolve stays and is resolved again with back-off, and every retry of a named peer resolves
/// anew (the original resolved once). A target found to lead to a peer that is connected anyway is left alone while
/// that lasts (the original dialled on, and each attempt could displace the connection in use). Control thread only.
///
/// States of a target:
///   waiting --due--> attempting --added--> connected --ended--> waiting
///   attempting --dial failed or ended--> waiting;  attempting --no longer wanted while dialling--> forgotten
///   waiting --no longer wanted--> suspended (direct) or forgotten;  suspended --wanted--> waiting
class ConnectionMaker {
 public:
  struct Settings {
    std::uint16_t port = 6783;
    bool discovery = true;
    /// 0: no limit.
    std::size_t connection_limit = 200;
  };
  struct Handlers {
    /// A dial succeeded: take the stream through its introduction. `accept_new_peer`: mesh.md §2.3 rule 2.
    std::function<void(std::unique_ptr<ByteStream>, std::string const& address, bool accept_new_peer)> on_dialled = {};
    /// The list of direct peers changed: persist it.
    std::function<void()> on_direct_peers_changed = {};
  };
  /// How a connection ended, as far as retrying depends on it.
  enum class Ending {
    ordinary,
    /// Another connection to the same peer was kept.
    duplicate,
    name_collision,
    connected_to_ourself
  };

  ConnectionMaker(Settings settings, PeerTable const& peers, Transport& transport, Scheduler& scheduler,
                  RandomSource& random, Logger logger, Handlers handlers);

  /// Adds direct peers (`replace`: forgetting all others first) and tries them now. Returns an error for each text that
  /// cannot be parsed; the others are added all the same.
  std::vector<Error> initiate(std::vector<std::string> const& peers, bool replace);
  /// Takes peers off the list, by the exact text they were added with.
  void forget(std::vector<std::string> const& peers);
  /// As typed, ascending.
  [[nodiscard]] std::vector<std::string> direct_peers() const;

  /// Gives up everything under way and dials no more.
  void stop();
  /// The topology has changed: evaluates anew within 100 ms, once for many changes. So does the end of a connection.
  void refresh();
  /// An outbound connection has been added to our record.
  void on_connection_added(std::string const& address);
  /// A connection, added or not, has ended. `remote` is unknown if it did not come that far.
  void on_connection_ended(std::string const& address, bool outbound, PeerName remote, Error const& error,
                           Ending ending);

  /// What is not connected: targets, and direct peers without an address yet.
  [[nodiscard]] std::vector<ConnectionStatus> status() const;
  [[nodiscard]] std::uint64_t termination_count() const { return termination_count_; }

 private:
  enum class State { waiting, attempting, connected, suspended };
  struct DirectPeer {
    TargetAddress typed;
    /// An address rather than a name: nothing to resolve.
    bool is_literal = false;
    /// Empty until it has been resolved once.
    std::string ip = {};
    std::string address = {};
    /// Resolved since the last attempt.
    bool is_fresh = false;
    bool try_now = true;
    RetrySchedule retry;
    std::string last_error = {};
    std::unique_ptr<Operation> resolving = {};
  };
  struct Target {
    State state = State::waiting;
    RetrySchedule retry;
    /// Who answered there, if the connection was given up for another one to the same peer.
    PeerName duplicate_of = {};
    std::string last_error = {};
    std::unique_ptr<Operation> dialling = {};
  };
  /// Wanted addresses; true: direct.
  using Wanted = std::map<std::string, bool>;

  [[nodiscard]] Result<void> add_direct(std::string const& text);
  void evaluate();
  void add_wanted_direct(Wanted& wanted);
  void add_wanted_discovered(Wanted& wanted) const;
  void consider(std::string const& address, Target& target, bool is_direct);
  void attempt(std::string const& address, Target& target, bool is_direct);
  void on_dialled(std::string const& address, bool accept_new_peer, Result<std::unique_ptr<ByteStream>> outcome);
  [[nodiscard]] DirectPeer* stale_direct_peer(std::string const& address);
  void resolve(DirectPeer& peer);
  void on_resolved(std::string const& text, Result<std::vector<std::string>> outcome);
  void move_to(std::string const& text, DirectPeer& peer, std::vector<std::string> const& ips);
  void try_target_now(std::string const& address);
  void wake_at(std::optional<TimePoint> due);
  void dispose(std::unique_ptr<Operation> operation);
  [[nodiscard]] std::optional<WallTime> wall_time(std::optional<TimePoint> due) const;

  Settings settings_;
  PeerTable const& peers_;
  Transport& transport_;
  Scheduler& scheduler_;
  RandomSource& random_;
  Logger logger_;
  Handlers handlers_;
  std::map<std::string, DirectPeer> direct_;
  std::map<std::string, Target> targets_;
  /// Dials under way.
  std::size_t attempts_ = 0;
  std::uint64_t termination_count_ = 0;
  bool is_stopped_ = false;
  std::optional<TimePoint> next_due_;
  Timer timer_;
  bool is_refreshing_ = false;
  Timer refresh_;
};

} // namespace weave::gossip
