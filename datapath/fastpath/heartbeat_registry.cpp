#include "datapath/fastpath/heartbeat_registry.hpp"

#include <utility>

namespace weave::datapath {

void HeartbeatRegistry::use(FastPath& path) {
  path_ = &path;
  why_none_.clear();
  offered_ = true;
  tell_all();
}

void HeartbeatRegistry::lose(std::string why, bool for_good) {
  path_ = nullptr;
  why_none_ = std::move(why);
  offered_ = !for_good;
  tell_all();
}

void HeartbeatRegistry::on_heartbeat(HeartbeatArrival const& arrival) {
  ++statistics_.received;
  auto const heartbeat = decode_heartbeat(arrival.length, arrival.head);
  if (!heartbeat) {
    ++statistics_.malformed;
    return;
  }
  auto const found = receivers_.find(heartbeat->connection);
  if (found == receivers_.end()) {
    ++statistics_.unknown;
    return;
  }
  found->second->on_heartbeat(arrival, *heartbeat);
}

void HeartbeatRegistry::remove(ConnectionUid connection, HeartbeatReceiver const& receiver) {
  auto const found = receivers_.find(connection);
  if (found != receivers_.end() && found->second == &receiver) receivers_.erase(found);
}

void HeartbeatRegistry::tell_all() {
  // Receivers defer what they report, so none comes or goes meanwhile.
  for (auto const& [connection, receiver] : receivers_) receiver->on_path_changed();
}

} // namespace weave::datapath
