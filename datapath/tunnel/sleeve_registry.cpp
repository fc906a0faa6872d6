#include "datapath/tunnel/sleeve_registry.hpp"

#include <utility>

namespace weave::datapath {

SleeveEvents SleeveRegistry::events() {
  return {.on_special =
              [this](PeerName peer, Ipv4Endpoint from, SleeveChannel channel, Bytes frame, TimePoint at) {
                auto const found = entries_.find(peer);
                if (found != entries_.end()) found->second.receiver->on_special(from, channel, frame, at);
              },
          .on_too_big =
              [this](PeerName peer, ConnectionUid connection, std::uint32_t path_mtu) {
                if (auto* const receiver = find(peer, connection)) receiver->on_too_big(path_mtu);
              },
          .on_send_error =
              [this](PeerName peer, ConnectionUid connection, Error error) {
                if (auto* const receiver = find(peer, connection)) receiver->on_send_error(error);
              }};
}

void SleeveRegistry::add(PeerName peer, ConnectionUid connection, SleeveReceiver& receiver) {
  entries_[peer] = {connection, &receiver};
}

void SleeveRegistry::remove(PeerName peer, ConnectionUid connection) {
  if (find(peer, connection) != nullptr) entries_.erase(peer);
}

SleeveReceiver* SleeveRegistry::find(PeerName peer, ConnectionUid connection) const {
  auto const found = entries_.find(peer);
  return found != entries_.end() && found->second.connection == connection ? found->second.receiver : nullptr;
}

} // namespace weave::datapath
