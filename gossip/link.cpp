#include "gossip/link.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weave::gossip {

Link::Link(Origin origin, std::unique_ptr<ByteStream> stream, Scheduler& scheduler, Logger logger,
           Connection::Settings settings, PeerName ourself)
    : origin_{std::move(origin)},
      scheduler_{scheduler},
      queue_{ourself},
      connection_{std::move(stream), scheduler, std::move(logger), std::move(settings),
                  Connection::Handlers{
                      .on_introduced = [this](Features const& features) { handlers_.on_introduced(features); },
                      .on_message = [this](std::uint8_t tag, ByteView body) { return handlers_.on_message(tag, body); },
                      .on_ready =
                          [this] {
                            unsent_ = 0;
                            is_in_round_ ? continue_round() : send_queued_soon();
                          },
                      .on_closed = [this](Error const& cause) { handlers_.on_closed(cause); }}} {}

void Link::start(Connection::Handlers handlers) {
  handlers_ = std::move(handlers);
  connection_.start();
}

Result<void> Link::send_now(OutgoingMessage const& message) {
  if (unsent_ > 0 && unsent_ + message.body.size() > kMaxUnsent) {
    return failure(ErrorKind::unavailable, "link to " + remote.name.to_string() + " is too slow");
  }
  unsent_ += message.body.size() + 1;
  return connection_.send(message.tag, message.body);
}

void Link::queue_gossip(std::string const& channel, GossipData const& data) {
  queue_.sender(channel).queue_gossip(data);
  send_queued_soon();
}

void Link::queue_broadcast(std::string const& channel, PeerName source, GossipData const& data) {
  queue_.sender(channel).queue_broadcast(source, data);
  send_queued_soon();
}

void Link::send_queued_soon() {
  if (is_in_round_ || queue_.empty() || !connection_.is_ready()) return;
  // Never before the present handler is done: what it queues next may merge with this.
  sending_ = scheduler_.after(next_round_ - scheduler_.now(), [this] { begin_round(); });
}

void Link::begin_round() {
  next_round_ = scheduler_.now() + kRoundInterval;
  is_in_round_ = true;
  continue_round();
}

void Link::continue_round() {
  while (connection_.is_ready() && !(taken_.empty() && queue_.empty())) {
    if (taken_.empty()) std::ranges::move(queue_.take_next(), std::back_inserter(taken_));
    if (taken_.empty()) continue;
    auto const message = std::move(taken_.front());
    taken_.pop_front();
    auto const sent = connection_.send(message.tag, message.body);
    if (!sent && sent.error().kind() != ErrorKind::unavailable) {
      connection_.logger().error("gossip not sent: {}", sent.error().text());
    }
  }
  if (taken_.empty() && queue_.empty()) is_in_round_ = false;
}

} // namespace weave::gossip
