#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "controller/dns/dns_message.hpp"

namespace weave::controller::dns::test {

/// "name ttl IN type data" as the vectors write records.
inline std::string record_text(Record const& record) {
  struct Visitor {
    std::string operator()(Bytes const& bytes) const { return to_hex(bytes); }
    std::string operator()(Ipv4Address address) const { return address.to_string(); }
    std::string operator()(Ipv6Bytes const& address) const { return to_hex(address); }
    std::string operator()(DomainName const& name) const { return name.to_string(); }
    std::string operator()(Soa const& soa) const { return soa.primary.to_string(); }
  };
  auto const type = record.type == record_type::a ? "A" : record.type == record_type::ptr ? "PTR" : "?";
  return fmt::format("{} {} {} {} {}", record.owner.to_string(), record.ttl, record.klass == 1 ? "IN" : "?", type,
                     std::visit(Visitor{}, record.data));
}

inline std::vector<std::string> record_texts(std::vector<Record> const& records) {
  std::vector<std::string> texts;
  for (auto const& record : records) texts.push_back(record_text(record));
  std::ranges::sort(texts);
  return texts;
}

inline std::string_view rcode_text(Rcode rcode) {
  switch (rcode) {
    case Rcode::no_error: return "NOERROR";
    case Rcode::format_error: return "FORMERR";
    case Rcode::server_failure: return "SERVFAIL";
    case Rcode::name_error: return "NXDOMAIN";
    case Rcode::not_implemented: return "NOTIMP";
    case Rcode::refused: return "REFUSED";
    case Rcode::bad_version: break;
  }
  return "?";
}

/// What is expected of a reply, in the words of the vectors, and the same of a message.
inline std::string expectation(boost::json::object const& expected) {
  auto const flag = [&expected](char const* name) { return expected.at(name).as_bool(); };
  std::string text = fmt::format(
      "id={} opcode={} qr={} aa={} tc={} rd={} ra={} ad={} cd={} {} answers={}", expected.at("id").as_int64(),
      expected.at("opcode").as_int64(), flag("qr"), flag("aa"), flag("tc"), flag("rd"), flag("ra"), flag("ad"),
      flag("cd"), std::string_view{expected.at("rcode").as_string()}, expected.at("answer_count").as_int64());
  if (auto const* answers = expected.if_contains("answers")) {
    for (auto const& answer : answers->as_array()) text += fmt::format("\n{}", std::string_view{answer.as_string()});
  }
  return text;
}

inline std::string description(Message const& message, bool with_answers) {
  auto const& header = message.header;
  std::string text = fmt::format("id={} opcode={} qr={} aa={} tc={} rd={} ra={} ad={} cd={} {} answers={}", header.id,
                                 header.opcode, header.response, header.authoritative, header.truncated,
                                 header.recursion_desired, header.recursion_available, header.authentic,
                                 header.checking_disabled, rcode_text(header.rcode), header.answers);
  if (!with_answers) return text;
  for (auto const& answer : record_texts(message.answers)) text += "\n" + answer;
  return text;
}

/// A query as a client would send it.
inline Bytes query_for(std::string_view name, std::uint16_t type, std::uint16_t id = 0x4242,
                       std::optional<std::uint16_t> edns_size = {}) {
  Message message;
  message.header.id = id;
  message.header.recursion_desired = true;
  message.questions.push_back({.name = DomainName::parse(name).value(), .type = type});
  if (edns_size) message.edns = Edns{.udp_size = *edns_size, .options = {}};
  return encode_message(message);
}

} // namespace weave::controller::dns::test
