#pragma once

#include <optional>

#include "gossip/gob/descriptor.hpp"
#include "gossip/gob/schema.hpp"
#include "gossip/gob/value_reader.hpp"

namespace weave::gossip::gob {

/// Decodes the values of one gob stream (protocol/mesh.md §7), front to back, into C++ types described in schema.hpp.
/// Types are the stream's own, so use one Decoder for each stream. Does not own the bytes. Safe on hostile input: every
/// allocation is paid for by bytes present. After an error the stream is useless and every further call repeats it.
class Decoder {
 public:
  explicit Decoder(ByteView stream) : stream_{stream}, values_{types_, stream.size()} {}
  Decoder(Decoder const&) = delete;
  Decoder& operator=(Decoder const&) = delete;

  /// Whether the stream ends here, at a message boundary.
  [[nodiscard]] bool at_end() const { return stream_.empty() && !error_; }

  /// The next value. At a clean end: kind not_found, text `EOF`; everything else wrong is of kind malformed.
  template <class T>
  [[nodiscard]] Result<T> decode() {
    T value{};
    if (auto const done = decode_into(value); !done) {
      error_ = done.error();
      return failure_of(done);
    }
    return value;
  }

 private:
  struct Message {
    TypeId type;
    WireReader body;
  };

  template <class T>
  [[nodiscard]] Result<void> decode_into(T& value) {
    auto message = next_value();
    if (!message) return failure_of(message);
    if (auto const fits = values_.check<T>(message->type); !fits) return fits;
    if constexpr (Structure<T>) {
      if (!values_.shares_field<T>(message->type)) return bad_data("type mismatch: no fields matched");
    }
    if (auto const singleton = enter(*message); !singleton) return singleton;
    return values_.read(message->body, message->type, value);
  }
  /// Takes in definitions up to the next value.
  [[nodiscard]] Result<Message> next_value();
  [[nodiscard]] Result<Message> next_message();
  /// Values other than structs have a zero in front.
  [[nodiscard]] Result<void> enter(Message& message) const;

  WireReader stream_;
  TypeTable types_;
  ValueReader values_;
  std::optional<Error> error_;
};

} // namespace weave::gossip::gob
