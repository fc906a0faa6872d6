#include "gossip/gob/decoder.hpp"

namespace weave::gossip::gob {

Result<Decoder::Message> Decoder::next_message() {
  auto const bytes = stream_.bytes();
  if (!bytes) return failure_of(bytes);
  Message message{0, WireReader{*bytes}};
  auto const type = message.body.integer();
  if (!type) return failure_of(type);
  message.type = *type;
  return message;
}

Result<Decoder::Message> Decoder::next_value() {
  if (error_) return std::unexpected{*error_};
  if (stream_.empty()) return failure(ErrorKind::not_found, "EOF");
  while (true) {
    auto message = next_message();
    if (!message || message->type >= 0) return message;
    // Negating the most negative id would overflow.
    if (message->type < -(TypeId{1} << 32)) return bad_data("type id out of range");
    auto type = decode_descriptor(message->body);
    if (!type) return failure_of(type);
    if (auto const known = types_.define(-message->type, *std::move(type)); !known) return failure_of(known);
  }
}

Result<void> Decoder::enter(Message& message) const {
  if (types_.find(message.type)->kind == Kind::structure) return {};
  auto const delta = message.body.unsigned_integer();
  if (!delta) return failure_of(delta);
  if (*delta != 0) return bad_data("corrupted data: non-zero delta for singleton");
  return {};
}

} // namespace weave::gossip::gob
