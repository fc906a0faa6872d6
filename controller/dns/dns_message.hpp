#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "controller/dns/domain_name.hpp"

// DNS messages (RFC 1035, EDNS0 of RFC 6891). Pure; whatever the input, decoding gives a value or ErrorKind::malformed.
namespace weave::controller::dns {

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kPlainUdpSize = 512; ///< what a client without EDNS can take
inline constexpr std::size_t kMaxMessageSize = 65535;

namespace record_type {
inline constexpr std::uint16_t a = 1;
inline constexpr std::uint16_t ns = 2;
inline constexpr std::uint16_t cname = 5;
inline constexpr std::uint16_t soa = 6;
inline constexpr std::uint16_t ptr = 12;
inline constexpr std::uint16_t mx = 15;
inline constexpr std::uint16_t aaaa = 28;
inline constexpr std::uint16_t opt = 41;
inline constexpr std::uint16_t ds = 43;
} // namespace record_type

inline constexpr std::uint16_t kClassInternet = 1;

enum class Rcode : std::uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3,
  not_implemented = 4,
  refused = 5,
  bad_version = 16 ///< needs EDNS
};

/// The first twelve bytes. `rcode` has the four bits that are here.
struct Header {
  std::uint16_t id = 0;
  std::uint8_t opcode = 0;
  bool response = false;
  bool authoritative = false;
  bool truncated = false;
  bool recursion_desired = false;
  bool recursion_available = false;
  bool authentic = false;
  bool checking_disabled = false;
  Rcode rcode = Rcode::no_error;
  std::uint16_t questions = 0;
  std::uint16_t answers = 0;
  std::uint16_t authorities = 0;
  std::uint16_t additionals = 0;

  /// None if there are fewer than twelve bytes.
  [[nodiscard]] static std::optional<Header> decode(ByteView message);
  void encode(std::span<std::uint8_t, kHeaderSize> to) const;
  friend bool operator==(Header const&, Header const&) = default;
};

struct Question {
  DomainName name;
  std::uint16_t type = record_type::a;
  std::uint16_t klass = kClassInternet;

  friend bool operator==(Question const&, Question const&) = default;
};

/// What an OPT record says.
struct Edns {
  std::uint16_t udp_size = 0;
  std::uint8_t extended_rcode = 0; ///< the upper eight bits
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  Bytes options; ///< raw

  friend bool operator==(Edns const&, Edns const&) = default;
};

using Ipv6Bytes = std::array<std::uint8_t, 16>;

struct Soa {
  DomainName primary;
  DomainName mailbox;
  std::uint32_t serial = 0;
  std::uint32_t refresh = 0;
  std::uint32_t retry = 0;
  std::uint32_t expire = 0;
  std::uint32_t minimum = 0; ///< how long a negative answer may be kept, in seconds

  friend bool operator==(Soa const&, Soa const&) = default;
};

/// A: Ipv4Address; AAAA: Ipv6Bytes; NS, CNAME, PTR: DomainName; SOA: Soa; all others the bytes as they are, of MX with
/// the name uncompressed.
using RecordData = std::variant<Bytes, Ipv4Address, Ipv6Bytes, DomainName, Soa>;

struct Record {
  DomainName owner;
  std::uint16_t type = record_type::a;
  std::uint16_t klass = kClassInternet;
  std::uint32_t ttl = 0; ///< seconds
  RecordData data;

  friend bool operator==(Record const&, Record const&) = default;
};

/// A whole message. The counts in `header` are written by decode and not read by encode.
struct Message {
  Header header;
  std::vector<Question> questions;
  std::vector<Record> answers;
  std::vector<Record> authority;
  std::vector<Record> additional; ///< without OPT
  std::optional<Edns> edns;
};

/// Errors: malformed, also for a second OPT record. Bytes behind the last record are ignored.
[[nodiscard]] Result<Message> decode_message(ByteView bytes);
/// `compress` shortens owners and the names in NS, CNAME, PTR and SOA. The size is not limited.
[[nodiscard]] Bytes encode_message(Message const& message, bool compress = false);

/// Where a record lies in its message. Offsets count from the message's beginning.
struct RecordPlace {
  std::size_t begin = 0;
  std::size_t owner_end = 0; ///< type, class, TTL and data length follow here
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  std::uint32_t ttl = 0;
  std::size_t data = 0;
  std::size_t end = 0;

  [[nodiscard]] std::size_t ttl_offset() const { return owner_end + 4; }
};

/// Walks over a message front to back without copying. None means malformed; the walk cannot go on.
class MessageWalk {
 public:
  /// Behind the header, which has been decoded.
  explicit MessageWalk(ByteView message) : message_{message} {}

  [[nodiscard]] std::optional<Question> question();
  [[nodiscard]] std::optional<RecordPlace> record();
  [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
  [[nodiscard]] std::size_t remaining() const { return message_.size() - offset_; }

  ByteView message_;
  std::size_t offset_ = kHeaderSize;
};

/// Of a place whose type is OPT.
[[nodiscard]] Edns edns_at(ByteView message, RecordPlace const& place);
/// Of a place whose type is SOA.
[[nodiscard]] std::optional<Soa> soa_at(ByteView message, RecordPlace const& place);

} // namespace weave::controller::dns
