#include "controller/dns/dns_message.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace weave::controller::dns {
namespace {

constexpr std::uint16_t u16_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}
constexpr std::uint32_t u32_at(ByteView bytes, std::size_t at) {
  return static_cast<std::uint32_t>(u16_at(bytes, at)) << 16U | u16_at(bytes, at + 2);
}
constexpr void put_u16(std::span<std::uint8_t> to, std::size_t at, std::uint16_t value) {
  to[at] = static_cast<std::uint8_t>(value >> 8U);
  to[at + 1] = static_cast<std::uint8_t>(value);
}

constexpr std::uint16_t flag(bool on, unsigned bit) { return static_cast<std::uint16_t>(on ? 1U << bit : 0U); }

std::unexpected<Error> malformed(char const* what) { return failure(ErrorKind::malformed, what); }

/// A name that must end exactly where the record's data ends.
std::optional<DomainName> name_data(ByteView message, RecordPlace const& place, std::size_t skipped = 0) {
  auto offset = place.data + skipped;
  if (offset >= place.end) return std::nullopt;
  auto const name = DomainName::read(message.first(place.end), offset);
  if (!name || offset != place.end) return std::nullopt;
  return name;
}

std::optional<RecordData> data_at(ByteView message, RecordPlace const& place) {
  auto const raw = message.subspan(place.data, place.end - place.data);
  switch (place.type) {
    case record_type::a:
      if (raw.size() != 4) return std::nullopt;
      return Ipv4Address{u32_at(raw, 0)};
    case record_type::aaaa: {
      Ipv6Bytes address;
      if (raw.size() != address.size()) return std::nullopt;
      std::ranges::copy(raw, address.begin());
      return address;
    }
    case record_type::ns:
    case record_type::cname:
    case record_type::ptr: return name_data(message, place);
    case record_type::soa: return soa_at(message, place);
    case record_type::mx: {
      auto const name = name_data(message, place, 2);
      if (!name) return std::nullopt;
      Bytes bytes{raw[0], raw[1]};
      bytes.insert(bytes.end(), name->wire().begin(), name->wire().end());
      return bytes;
    }
    default: return Bytes(raw.begin(), raw.end());
  }
}

std::optional<Record> record_at(ByteView message, RecordPlace const& place) {
  auto offset = place.begin;
  auto owner = DomainName::read(message, offset);
  auto data = data_at(message, place);
  if (!owner || !data) return std::nullopt;
  return Record{.owner = *owner, .type = place.type, .klass = place.klass, .ttl = place.ttl, .data = *std::move(data)};
}

/// Appends to a message, remembering where names lie.
class Encoder {
 public:
  explicit Encoder(bool compress) : compress_{compress} {}

  Bytes encode(Message const& message);

 private:
  void u16(std::uint16_t value) {
    out_.push_back(static_cast<std::uint8_t>(value >> 8U));
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16U));
    u16(static_cast<std::uint16_t>(value));
  }
  void raw(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void name(DomainName const& name);
  void data(RecordData const& data);
  void record(Record const& record);
  void edns(Edns const& edns);

  bool compress_;
  Bytes out_;
  std::map<std::string, std::uint16_t, std::less<>> places_;
};

void Encoder::name(DomainName const& name) {
  auto const wire = name.wire();
  if (!compress_) return raw(wire);
  std::size_t at = 0;
  for (; wire[at] != 0; at += 1U + wire[at]) {
    auto const suffix = as_text(wire.subspan(at));
    if (auto const known = places_.find(suffix); known != places_.end()) {
      return u16(static_cast<std::uint16_t>(0xc000U | known->second));
    }
    if (out_.size() < 0x4000) places_.emplace(suffix, static_cast<std::uint16_t>(out_.size()));
    raw(wire.subspan(at, 1U + wire[at]));
  }
  out_.push_back(0);
}

void Encoder::data(RecordData const& data) {
  struct Visitor {
    Encoder& to;
    void operator()(Bytes const& bytes) const { to.raw(bytes); }
    void operator()(Ipv4Address address) const { to.u32(address.value()); }
    void operator()(Ipv6Bytes const& address) const { to.raw(address); }
    void operator()(DomainName const& name) const { to.name(name); }
    void operator()(Soa const& soa) const {
      to.name(soa.primary);
      to.name(soa.mailbox);
      for (auto const value : {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum}) to.u32(value);
    }
  };
  std::visit(Visitor{*this}, data);
}

void Encoder::record(Record const& record) {
  name(record.owner);
  u16(record.type);
  u16(record.klass);
  u32(record.ttl);
  auto const length_at = out_.size();
  u16(0);
  data(record.data);
  put_u16(out_, length_at, static_cast<std::uint16_t>(out_.size() - length_at - 2));
}

void Encoder::edns(Edns const& edns) {
  out_.push_back(0);
  u16(record_type::opt);
  u16(edns.udp_size);
  u32(static_cast<std::uint32_t>(edns.extended_rcode) << 24U | static_cast<std::uint32_t>(edns.version) << 16U |
      flag(edns.dnssec_ok, 15));
  u16(static_cast<std::uint16_t>(edns.options.size()));
  raw(edns.options);
}

Bytes Encoder::encode(Message const& message) {
  auto header = message.header;
  header.questions = static_cast<std::uint16_t>(message.questions.size());
  header.answers = static_cast<std::uint16_t>(message.answers.size());
  header.authorities = static_cast<std::uint16_t>(message.authority.size());
  header.additionals = static_cast<std::uint16_t>(message.additional.size() + (message.edns ? 1 : 0));
  out_.resize(kHeaderSize);
  header.encode(std::span{out_}.first<kHeaderSize>());
  for (auto const& question : message.questions) {
    name(question.name);
    u16(question.type);
    u16(question.klass);
  }
  for (auto const* section : {&message.answers, &message.authority, &message.additional}) {
    for (auto const& each : *section) record(each);
  }
  if (message.edns) edns(*message.edns);
  return std::move(out_);
}

} // namespace

std::optional<Header> Header::decode(ByteView message) {
  if (message.size() < kHeaderSize) return std::nullopt;
  auto const flags = u16_at(message, 2);
  auto const bit = [flags](unsigned number) { return (flags >> number & 1U) != 0; };
  return Header{.id = u16_at(message, 0),
                .opcode = static_cast<std::uint8_t>(flags >> 11U & 0xfU),
                .response = bit(15),
                .authoritative = bit(10),
                .truncated = bit(9),
                .recursion_desired = bit(8),
                .recursion_available = bit(7),
                .authentic = bit(5),
                .checking_disabled = bit(4),
                .rcode = static_cast<Rcode>(flags & 0xfU),
                .questions = u16_at(message, 4),
                .answers = u16_at(message, 6),
                .authorities = u16_at(message, 8),
                .additionals = u16_at(message, 10)};
}

void Header::encode(std::span<std::uint8_t, kHeaderSize> to) const {
  put_u16(to, 0, id);
  put_u16(to, 2,
          static_cast<std::uint16_t>(flag(response, 15) | (opcode & 0xfU) << 11U | flag(authoritative, 10) |
                                     flag(truncated, 9) | flag(recursion_desired, 8) | flag(recursion_available, 7) |
                                     flag(authentic, 5) | flag(checking_disabled, 4) |
                                     (static_cast<unsigned>(rcode) & 0xfU)));
  put_u16(to, 4, questions);
  put_u16(to, 6, answers);
  put_u16(to, 8, authorities);
  put_u16(to, 10, additionals);
}

std::optional<Question> MessageWalk::question() {
  auto const name = DomainName::read(message_, offset_);
  if (!name || remaining() < 4) return std::nullopt;
  Question question{.name = *name, .type = u16_at(message_, offset_), .klass = u16_at(message_, offset_ + 2)};
  offset_ += 4;
  return question;
}

std::optional<RecordPlace> MessageWalk::record() {
  RecordPlace place{.begin = offset_};
  if (!DomainName::skip(message_, offset_) || remaining() < 10) return std::nullopt;
  place.owner_end = offset_;
  place.type = u16_at(message_, offset_);
  place.klass = u16_at(message_, offset_ + 2);
  place.ttl = u32_at(message_, offset_ + 4);
  place.data = offset_ + 10;
  place.end = place.data + u16_at(message_, offset_ + 8);
  if (place.end > message_.size()) return std::nullopt;
  offset_ = place.end;
  return place;
}

Edns edns_at(ByteView message, RecordPlace const& place) {
  auto const raw = message.subspan(place.data, place.end - place.data);
  return {.udp_size = place.klass,
          .extended_rcode = static_cast<std::uint8_t>(place.ttl >> 24U),
          .version = static_cast<std::uint8_t>(place.ttl >> 16U),
          .dnssec_ok = (place.ttl >> 15U & 1U) != 0,
          .options = Bytes(raw.begin(), raw.end())};
}

std::optional<Soa> soa_at(ByteView message, RecordPlace const& place) {
  auto const whole = message.first(place.end);
  auto offset = place.data;
  auto const primary = DomainName::read(whole, offset);
  if (!primary) return std::nullopt;
  auto const mailbox = DomainName::read(whole, offset);
  if (!mailbox || offset + 20 != place.end) return std::nullopt;
  return Soa{.primary = *primary,
             .mailbox = *mailbox,
             .serial = u32_at(whole, offset),
             .refresh = u32_at(whole, offset + 4),
             .retry = u32_at(whole, offset + 8),
             .expire = u32_at(whole, offset + 12),
             .minimum = u32_at(whole, offset + 16)};
}

Result<Message> decode_message(ByteView bytes) {
  auto const header = Header::decode(bytes);
  if (!header) return malformed("DNS message without a header");
  Message message{.header = *header, .questions = {}, .answers = {}, .authority = {}, .additional = {}, .edns = {}};
  MessageWalk walk{bytes};
  for (int i = 0; i < header->questions; ++i) {
    auto question = walk.question();
    if (!question) return malformed("DNS message with a broken question");
    message.questions.push_back(*question);
  }
  struct Section {
    std::uint16_t count;
    std::vector<Record>& records;
  };
  for (auto const& section :
       {Section{header->answers, message.answers}, Section{header->authorities, message.authority},
        Section{header->additionals, message.additional}}) {
    for (int i = 0; i < section.count; ++i) {
      auto const place = walk.record();
      if (!place) return malformed("DNS message with a broken record");
      if (place->type == record_type::opt && &section.records == &message.additional) {
        if (message.edns) return malformed("DNS message with two OPT records");
        message.edns = edns_at(bytes, *place);
        continue;
      }
      auto record = record_at(bytes, *place);
      if (!record) return malformed("DNS message with broken record data");
      section.records.push_back(*std::move(record));
    }
  }
  return message;
}

Bytes encode_message(Message const& message, bool compress) { return Encoder{compress}.encode(message); }

} // namespace weave::controller::dns
