#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/peer_name.hpp"
#include "datapath/fastpath/fast_path.hpp"
#include "datapath/fastpath/heartbeat.hpp"

namespace weave::datapath {

/// The fast path's end of one connection.
class HeartbeatReceiver {
 public:
  virtual ~HeartbeatReceiver() = default;

  /// A well-formed heartbeat with this connection's uid; from whom it came is still to be checked.
  virtual void on_heartbeat(HeartbeatArrival const& arrival, Heartbeat const& heartbeat) = 0;
  /// HeartbeatRegistry::path() has changed.
  virtual void on_path_changed() = 0;
};

/// Joins the connections with the kernel path that is in use now: hands each heartbeat to the connection that it names,
/// and tells all of them when the path is lost or another one takes over. Outlives connections and, as their callback,
/// paths. Control thread only. Heartbeats of unknown connections and malformed ones are counted and lost.
class HeartbeatRegistry {
 public:
  struct Statistics {
    std::uint64_t received = 0;
    std::uint64_t malformed = 0;
    /// For no connection that we have.
    std::uint64_t unknown = 0;
  };

  HeartbeatRegistry() = default;
  HeartbeatRegistry(HeartbeatRegistry const&) = delete;
  HeartbeatRegistry& operator=(HeartbeatRegistry const&) = delete;

  /// From now on heartbeats go by this path; it stays until replaced or lost.
  void use(FastPath& path);
  /// There is no path; `why` in words for people. Unless for good, another one is expected: it goes on being announced,
  /// and connections wait for it.
  void lose(std::string why, bool for_good);

  /// Null: none now, for the reason `why_none`.
  [[nodiscard]] FastPath* path() const { return path_; }
  [[nodiscard]] std::string const& why_none() const { return why_none_; }
  /// To be announced to peers.
  [[nodiscard]] bool is_offered() const { return offered_; }
  [[nodiscard]] Statistics const& statistics() const { return statistics_; }

  /// FastPathEvents::on_heartbeat.
  void on_heartbeat(HeartbeatArrival const& arrival);

  /// `receiver` stays registered until removed.
  void add(ConnectionUid connection, HeartbeatReceiver& receiver) { receivers_[connection] = &receiver; }
  /// Only if it is still this one's.
  void remove(ConnectionUid connection, HeartbeatReceiver const& receiver);

 private:
  void tell_all();

  FastPath* path_ = nullptr;
  std::string why_none_ = "no kernel fast path has been set up";
  bool offered_ = false;
  std::map<ConnectionUid, HeartbeatReceiver*> receivers_;
  Statistics statistics_;
};

} // namespace weave::datapath
