#include "controller/dns/answering.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace weave::controller::dns {
namespace {

constexpr std::size_t kOptSize = 11;
constexpr std::size_t kFixedRecordSize = 10; ///< type, class, TTL, data length

/// Timers of the SOA that only secondary servers would use.
constexpr std::uint32_t kRefresh = 3600;
constexpr std::uint32_t kRetry = 600;
constexpr std::uint32_t kExpire = 86400;

DomainName mailbox_of(DomainName const& domain) {
  return DomainName::parse("hostmaster").value_or(DomainName{}).in_domain(domain).value_or(domain);
}

Bytes encode_soa(AnsweringOptions const& options) {
  Message message;
  message.authority.push_back({.owner = options.domain,
                               .type = record_type::soa,
                               .ttl = options.negative_ttl,
                               .data = Soa{.primary = options.domain,
                                           .mailbox = mailbox_of(options.domain),
                                           .serial = 1,
                                           .refresh = kRefresh,
                                           .retry = kRetry,
                                           .expire = kExpire,
                                           .minimum = options.negative_ttl}});
  auto const bytes = encode_message(message);
  return {bytes.begin() + kHeaderSize, bytes.end()};
}

/// A label of a reverse name as an octet: any number of decimal digits, leading zeros included.
std::optional<std::uint32_t> octet(ByteView label) {
  std::uint32_t value = 0;
  for (auto const digit : label) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + (digit - '0');
    if (value > 255) return std::nullopt;
  }
  return value;
}

/// Of <d>.<c>.<b>.<a>.in-addr.arpa.; none for any other name in that zone.
std::optional<Ipv4Address> reversed_address(DomainName const& name) {
  if (name.label_count() != 6) return std::nullopt;
  auto const wire = name.wire();
  std::uint32_t address = 0;
  std::size_t at = 0;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    auto const value = octet(wire.subspan(at + 1, wire[at]));
    if (!value) return std::nullopt;
    address |= *value << shift;
    at += 1U + wire[at];
  }
  return Ipv4Address{address};
}

} // namespace

/// Builds one reply in place. Everything is checked against the room, which is larger than what the callers put in.
class Answering::Reply {
 public:
  Reply(Query const& query, Transport transport, std::span<std::uint8_t> room)
      : query_{query}, limit_{std::min(query.reply_limit(transport), room.size())}, room_{room} {
    header_.id = query.header.id;
    header_.opcode = query.header.opcode;
    header_.response = true;
    header_.recursion_available = true;
    if (query.header.opcode == 0) {
      header_.recursion_desired = query.header.recursion_desired;
      header_.checking_disabled = query.header.checking_disabled;
    }
    if (query.header.questions == 0) return;
    header_.questions = 1;
    raw(query.question.name.wire());
    u16(query.question.type);
    u16(query.question.klass);
  }

  [[nodiscard]] Header& header() { return header_; }

  void begin_record(std::uint16_t type, std::uint32_t ttl, std::size_t data_size) {
    raw(query_.question.name.wire());
    u16(type);
    u16(kClassInternet);
    u32(ttl);
    u16(static_cast<std::uint16_t>(data_size));
    ++header_.answers;
  }
  void u16(std::uint16_t value) {
    if (!has_room(2)) return;
    room_[size_++] = static_cast<std::uint8_t>(value >> 8U);
    room_[size_++] = static_cast<std::uint8_t>(value);
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16U));
    u16(static_cast<std::uint16_t>(value));
  }
  void raw(ByteView bytes) {
    if (!has_room(bytes.size())) return;
    std::memcpy(room_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  /// How many records of that data size fit, all of them if there is but one.
  [[nodiscard]] std::size_t fitting(std::size_t count, std::size_t data_size) const {
    auto const each = query_.question.name.size() + kFixedRecordSize + data_size;
    auto const used = size_ + reserved();
    if (count <= 1 || used + count * each <= limit_) return count;
    return used >= limit_ ? 0 : (limit_ - used) / each;
  }
  void authority(ByteView record) {
    if (size_ + reserved() + record.size() > limit_) return;
    raw(record);
    ++header_.authorities;
  }
  /// Completes the reply with our OPT record and the header; its size.
  [[nodiscard]] std::size_t finish(std::uint8_t extended_rcode = 0) {
    if (query_.has_edns && (reserved() > 0 || size_ + kOptSize <= limit_)) {
      raw(std::array<std::uint8_t, 1>{0});
      u16(record_type::opt);
      u16(kOwnUdpSize);
      u16(static_cast<std::uint16_t>(extended_rcode << 8U));
      u16(query_.dnssec_ok ? 0x8000 : 0);
      u16(0);
      ++header_.additionals;
    }
    header_.encode(room_.first<kHeaderSize>());
    return size_;
  }

 private:
  /// A client that says it takes less than every client must is given as many answers as the original gives it, and
  /// OPT only in what is left.
  [[nodiscard]] std::size_t reserved() const { return query_.has_edns && limit_ >= kPlainUdpSize ? kOptSize : 0; }
  [[nodiscard]] bool has_room(std::size_t count) const { return room_.size() - size_ >= count; }

  Query const& query_;
  std::size_t limit_;
  std::span<std::uint8_t> room_;
  std::size_t size_ = kHeaderSize;
  Header header_;
};

Answering::Answering(AnsweringOptions options, RandomSource& random)
    : options_{std::move(options)},
      random_{random},
      reverse_zone_{DomainName::parse("in-addr.arpa.").value_or(DomainName{})},
      soa_record_{encode_soa(options_)} {}

Decision Answering::answer(ByteView bytes, Transport transport, NameSnapshot const& names,
                           std::span<std::uint8_t> room) {
  auto const header = Header::decode(bytes);
  if (!header || header->response || room.size() < kUdpRoom) return {};
  auto const query = parse_query(bytes);
  if (!query) {
    Header const error{.id = header->id, .response = true, .rcode = Rcode::format_error};
    error.encode(room.first<kHeaderSize>());
    return {.verdict = Verdict::malformed, .size = kHeaderSize};
  }
  Reply reply{*query, transport, room};
  if (query->has_edns && query->edns_version != 0) {
    return {.verdict = Verdict::malformed,
            .size = reply.finish(static_cast<std::uint8_t>(static_cast<unsigned>(Rcode::bad_version) >> 4U))};
  }
  if (query->header.questions == 0) {
    reply.header().recursion_available = false;
    reply.header().rcode = Rcode::server_failure;
    return {.verdict = Verdict::malformed, .size = reply.finish()};
  }
  return dispatch(*query, names, reply);
}

Decision Answering::dispatch(Query const& query, NameSnapshot const& names, Reply& reply) {
  auto const& name = query.question.name;
  if (query.question.type != record_type::ds) {
    auto const local = name.is_within(options_.domain);
    auto const reverse = name.is_within(reverse_zone_);
    // The longer zone has it.
    if (local && (!reverse || options_.domain.size() >= reverse_zone_.size())) {
      return answer_local(query, name, names, reply);
    }
    if (reverse) return answer_reverse(query, names, reply);
  }
  if (query.header.questions == 1 && name.label_count() <= 1) {
    auto const completed = name.in_domain(options_.domain);
    return completed ? answer_local(query, *completed, names, reply) : deny(Rcode::name_error, false, reply);
  }
  return {.verdict = Verdict::forward};
}

Decision Answering::answer_local(Query const& query, DomainName const& name, NameSnapshot const& names, Reply& reply) {
  if (query.header.questions != 1) return deny(Rcode::name_error, false, reply);
  DomainName::Text text;
  auto const found = names.find(name.lower_case_text(text));
  if (!found.empty()) {
    return query.question.type == record_type::a ? addresses(found, reply) : deny(Rcode::no_error, true, reply);
  }
  auto const is_domain = name.size() == options_.domain.size();
  if (is_domain && query.question.type == record_type::soa && !query.question.name.is_root()) {
    reply.header().authoritative = true;
    reply.raw(soa_record_);
    ++reply.header().answers;
    return {.verdict = Verdict::positive, .size = reply.finish()};
  }
  return deny(Rcode::name_error, !is_domain, reply);
}

Decision Answering::addresses(std::span<Ipv4Address const> found, Reply& reply) {
  auto const count = reply.fitting(found.size(), 4);
  auto const truncated = count < found.size();
  reply.header().authoritative = true;
  reply.header().truncated = truncated;
  shuffled_.assign(found.begin(), found.end());
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(shuffled_[i], shuffled_[i + random_.below(shuffled_.size() - i)]);
    reply.begin_record(record_type::a, options_.ttl, 4);
    reply.u32(shuffled_[i].value());
  }
  return {.verdict = Verdict::positive, .size = reply.finish(), .truncated = truncated};
}

Decision Answering::answer_reverse(Query const& query, NameSnapshot const& names, Reply& reply) {
  auto const address = query.header.questions == 1 ? reversed_address(query.question.name) : std::nullopt;
  if (!address) return deny(Rcode::name_error, false, reply);
  auto const found = names.find(*address);
  if (query.question.type != record_type::ptr) {
    return deny(found.empty() ? Rcode::name_error : Rcode::no_error, false, reply);
  }
  for (auto const& text : found) {
    auto const target = DomainName::parse(text);
    if (!target) continue; // other peers may register anything
    reply.header().authoritative = true;
    reply.begin_record(record_type::ptr, options_.ttl, target->size());
    reply.raw(target->wire());
    return {.verdict = Verdict::positive, .size = reply.finish()};
  }
  return {.verdict = Verdict::forward};
}

Decision Answering::deny(Rcode rcode, bool with_soa, Reply& reply) {
  reply.header().rcode = rcode;
  reply.header().authoritative = rcode == Rcode::no_error;
  if (with_soa) reply.authority(soa_record_);
  return {.verdict = Verdict::negative, .size = reply.finish()};
}

Bytes error_reply(Query const& query, Rcode rcode) {
  Message reply;
  reply.header = {.id = query.header.id, .opcode = query.header.opcode, .response = true};
  reply.header.recursion_available = true;
  reply.header.recursion_desired = query.header.opcode == 0 && query.header.recursion_desired;
  reply.header.checking_disabled = query.header.opcode == 0 && query.header.checking_disabled;
  reply.header.rcode = rcode;
  if (query.header.questions > 0) reply.questions.push_back(query.question);
  if (query.has_edns) reply.edns = Edns{.udp_size = kOwnUdpSize, .dnssec_ok = query.dnssec_ok, .options = {}};
  return encode_message(reply);
}

} // namespace weave::controller::dns
