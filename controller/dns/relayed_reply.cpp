#include "controller/dns/relayed_reply.hpp"

#include <algorithm>
#include <utility>

namespace weave::controller::dns {
namespace {

bool skip_questions(MessageWalk& walk, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    if (!walk.question()) return false;
  }
  return true;
}

/// A server may leave the question out of an error, and nowhere else.
bool answers_question(ByteView reply, Header const& header, Query const& query, MessageWalk& walk) {
  if (header.questions == 0) return query.header.questions == 0 || header.rcode != Rcode::no_error;
  auto const question = walk.question();
  return question && question->type == query.question.type && question->klass == query.question.klass &&
         question->name.matches(query.question.name) && skip_questions(walk, header.questions - 1U);
}

/// Collects how long the records of a reply last.
class Lifetime {
 public:
  [[nodiscard]] bool add(ByteView reply, RecordPlace const& place, bool is_authority) {
    if (place.type == record_type::opt) return true;
    // A TTL with the top bit set counts as zero (RFC 2181 §8).
    shortest_ = std::min(shortest_, place.ttl > 0x7fff'ffffU ? 0U : place.ttl);
    if (!is_authority || place.type != record_type::soa) return true;
    auto const soa = soa_at(reply, place);
    if (!soa) return false;
    negative_ = std::min(place.ttl, soa->minimum);
    return true;
  }
  [[nodiscard]] std::optional<std::uint32_t> of(Header const& header) const {
    if (header.truncated) return std::nullopt;
    auto const denied = header.rcode == Rcode::name_error;
    if (!denied && header.rcode != Rcode::no_error) return std::nullopt;
    if (!denied && header.answers > 0) return shortest_;
    if (!negative_) return std::nullopt;
    return std::min(*negative_, shortest_);
  }

 private:
  std::uint32_t shortest_ = 0x7fff'ffffU;
  std::optional<std::uint32_t> negative_;
};

void write_u16(std::span<std::uint8_t> to, std::size_t at, std::uint16_t value) {
  to[at] = static_cast<std::uint8_t>(value >> 8U);
  to[at + 1] = static_cast<std::uint8_t>(value);
}

/// Where a reply can be cut.
struct Cuts {
  std::size_t answers_end = 0; ///< behind the last answer that fits
  std::uint16_t answers = 0;
  std::size_t authority_end = 0; ///< behind the authority section, or 0 if that does not fit
  Bytes opt;
};

Cuts find_cuts(ByteView reply, Header const& header, std::size_t limit) {
  Cuts cuts;
  std::vector<std::size_t> ends;
  MessageWalk walk{reply};
  if (!skip_questions(walk, header.questions)) return cuts;
  ends.push_back(walk.offset());
  auto const before_additional = std::size_t{header.answers} + header.authorities;
  for (std::size_t i = 0; i < before_additional + header.additionals; ++i) {
    auto const place = walk.record();
    if (!place) return cuts;
    if (i < before_additional) {
      ends.push_back(place->end);
    } else if (place->type == record_type::opt) {
      auto const opt = reply.subspan(place->begin, place->end - place->begin);
      cuts.opt.assign(opt.begin(), opt.end());
    }
  }
  auto const fits = [&](std::size_t count) { return ends[count] + cuts.opt.size() <= limit; };
  if (fits(before_additional)) cuts.authority_end = ends[before_additional];
  while (cuts.answers < header.answers && fits(cuts.answers + 1U)) ++cuts.answers;
  cuts.answers_end = ends[cuts.answers];
  return cuts;
}

} // namespace

std::optional<ReplyFacts> examine_reply(ByteView reply, Query const& query, std::uint16_t id) {
  auto const header = Header::decode(reply);
  if (!header || !header->response || header->id != id || header->opcode != query.header.opcode) return std::nullopt;
  MessageWalk walk{reply};
  if (!answers_question(reply, *header, query, walk)) return std::nullopt;
  Lifetime lifetime;
  std::size_t const answers = header->answers;
  std::size_t const authorities = header->authorities;
  for (std::size_t i = 0; i < answers + authorities + header->additionals; ++i) {
    auto const place = walk.record();
    // A truncated reply may well end in the middle of a record.
    if (!place && header->truncated) break;
    if (!place || !lifetime.add(reply, *place, i >= answers && i < answers + authorities)) return std::nullopt;
  }
  return ReplyFacts{.rcode = header->rcode, .truncated = header->truncated, .lifetime = lifetime.of(*header)};
}

void age_reply(std::span<std::uint8_t> reply, std::uint32_t seconds) {
  auto const header = Header::decode(reply);
  MessageWalk walk{reply};
  if (!header || !skip_questions(walk, header->questions)) return;
  auto const count = std::size_t{header->answers} + header->authorities + header->additionals;
  for (std::size_t i = 0; i < count; ++i) {
    auto const place = walk.record();
    if (!place) return;
    if (place->type == record_type::opt) continue;
    auto const left = place->ttl > seconds ? place->ttl - seconds : 0U;
    write_u16(reply, place->ttl_offset(), static_cast<std::uint16_t>(left >> 16U));
    write_u16(reply, place->ttl_offset() + 2, static_cast<std::uint16_t>(left));
  }
}

void address_reply(std::span<std::uint8_t> reply, Query const& query) {
  auto const header = Header::decode(reply);
  if (!header) return;
  write_u16(reply, 0, query.header.id);
  auto const name = query.question.name.wire();
  auto const there = reply.subspan(kHeaderSize);
  if (header->questions == 0 || query.header.questions == 0 || there.size() < name.size()) return;
  std::size_t offset = kHeaderSize;
  // The first name of a message has nothing in front that it could be shortened with.
  auto const asked = DomainName::read(reply, offset);
  if (asked && asked->matches(query.question.name) && offset == kHeaderSize + name.size()) {
    std::ranges::copy(name, there.begin());
  }
}

Bytes fit_reply(Bytes reply, std::size_t limit) {
  auto header = Header::decode(reply);
  if (!header || reply.size() <= limit) return reply;
  auto const cuts = find_cuts(reply, *header, limit);
  header->additionals = cuts.opt.empty() ? 0 : 1;
  if (cuts.authority_end > 0) {
    reply.resize(cuts.authority_end);
  } else {
    header->truncated = true;
    header->authorities = 0;
    header->answers = cuts.answers;
    reply.resize(std::max(cuts.answers_end, kHeaderSize));
    if (cuts.answers_end == 0) header->questions = 0;
  }
  reply.insert(reply.end(), cuts.opt.begin(), cuts.opt.end());
  header->encode(std::span{reply}.first<kHeaderSize>());
  return reply;
}

} // namespace weave::controller::dns
