#include "datapath/ipsec/xfrm_codec.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <type_traits>

#include "datapath/netlink/attributes.hpp"
#include "datapath/netlink/message_builder.hpp"

namespace weave::datapath::ipsec {
namespace {

using netlink::MessageBuilder;

constexpr std::uint32_t kLastSpi = 0xffff'ffff;
constexpr char kCipher[] = "rfc4106(gcm(aes))";
constexpr std::uint32_t kIcvBits = 128;
constexpr std::size_t kKeyOctets = 36;
constexpr std::uint32_t kReplayWindow = 256;
constexpr std::uint32_t kAnyAlgorithm = 0xffff'ffff;
constexpr std::uint8_t kWholeAddress = 32;
constexpr std::uint16_t kWholePort = 0xffff;

/// The kernel's struct without its flexible end.
struct AeadAlgorithm {
  char name[64];
  std::uint32_t key_bits;
  std::uint32_t icv_bits;
  std::uint8_t key[kKeyOctets];
};
static_assert(sizeof(AeadAlgorithm) == sizeof(xfrm_algo_aead) + kKeyOctets);

struct ReplayState {
  std::uint32_t bitmap_words, sent, received, sent_high, received_high, window;
};
static_assert(sizeof(ReplayState) == sizeof(xfrm_replay_state_esn));

template <class T>
T big(T value) {
  if constexpr (std::endian::native == std::endian::little) return std::byteswap(value);
  return value;
}

xfrm_address_t address_of(Ipv4Address address) {
  xfrm_address_t wire{};
  wire.a4 = big(address.value());
  return wire;
}
Ipv4Address from_wire(xfrm_address_t const& wire) { return Ipv4Address{big(wire.a4)}; }

xfrm_lifetime_cfg unlimited() {
  xfrm_lifetime_cfg limits{};
  limits.soft_byte_limit = limits.hard_byte_limit = limits.soft_packet_limit = limits.hard_packet_limit = XFRM_INF;
  return limits;
}

xfrm_usersa_info association(AssociationId const& id, std::uint32_t tag) {
  xfrm_usersa_info info{};
  info.id = {.daddr = address_of(id.destination), .spi = big(static_cast<std::uint32_t>(id.spi)), .proto = IPPROTO_ESP};
  info.saddr = address_of(id.source);
  info.lft = unlimited();
  info.reqid = tag;
  info.family = AF_INET;
  info.mode = XFRM_MODE_TRANSPORT;
  return info;
}

xfrm_selector selector(PolicyId const& id) {
  xfrm_selector wire{};
  wire.daddr = address_of(id.destination);
  wire.saddr = address_of(id.source);
  wire.dport = big(id.port);
  wire.dport_mask = kWholePort;
  wire.family = AF_INET;
  wire.prefixlen_d = id.destination.is_unspecified() ? 0 : kWholeAddress;
  wire.prefixlen_s = id.source.is_unspecified() ? 0 : kWholeAddress;
  wire.proto = IPPROTO_UDP;
  return wire;
}

std::uint8_t direction(PolicyId const& id) { return id.direction == Direction::in ? XFRM_POLICY_IN : XFRM_POLICY_OUT; }

/// Of every policy, blocking ones too: it carries the tag.
xfrm_user_tmpl transformation(Policy const& policy, std::uint32_t tag) {
  xfrm_user_tmpl wire{};
  wire.id.proto = IPPROTO_ESP;
  if (policy.spi) {
    wire.id.spi = big(static_cast<std::uint32_t>(*policy.spi));
    wire.id.daddr = address_of(policy.id.destination);
    wire.saddr = address_of(policy.id.source);
  }
  wire.family = AF_INET;
  wire.reqid = tag;
  wire.mode = XFRM_MODE_TRANSPORT;
  wire.optional = policy.treatment == Treatment::may_be_clear ? 1 : 0;
  wire.aalgos = wire.ealgos = wire.calgos = kAnyAlgorithm;
  return wire;
}

template <class T>
std::optional<T> read_object(ByteView bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::unexpected<Error> cut_off() { return failure(ErrorKind::malformed, "XFRM message is cut off"); }

bool has_our_form(xfrm_selector const& wire) {
  auto const is_any_or_whole = [](std::uint8_t length, xfrm_address_t const& address) {
    return length == kWholeAddress ? address.a4 != 0 : length == 0 && address.a4 == 0;
  };
  return wire.family == AF_INET && wire.proto == IPPROTO_UDP && wire.sport_mask == 0 && wire.sport == 0 &&
         wire.dport_mask == kWholePort && wire.ifindex == 0 && is_any_or_whole(wire.prefixlen_d, wire.daddr) &&
         is_any_or_whole(wire.prefixlen_s, wire.saddr);
}

std::optional<Treatment> treatment_of(std::uint8_t action, xfrm_user_tmpl const& wire) {
  if (action == XFRM_POLICY_BLOCK) return Treatment::block;
  if (action != XFRM_POLICY_ALLOW) return std::nullopt;
  return wire.optional != 0 ? Treatment::may_be_clear : Treatment::encrypted;
}

} // namespace

Result<Bytes> encode_allocate(Ipv4Address source, Ipv4Address destination, std::uint32_t tag) {
  xfrm_userspi_info request{};
  request.info = association({.source = source, .destination = destination}, tag);
  request.info.lft = {};
  request.min = static_cast<std::uint32_t>(kFirstSpi);
  request.max = kLastSpi;
  return MessageBuilder{XFRM_MSG_ALLOCSPI, 0}.header(request).take();
}

Result<Bytes> encode_association(AssociationId const& id, Secret const& key, std::uint32_t tag, bool complete) {
  if (key.octets().size() != kKeyOctets) return failure(ErrorKind::out_of_range, "an ESP key has 36 octets");
  auto info = association(id, tag);
  info.flags = XFRM_STATE_ESN;
  constexpr std::uint32_t kBitsOfWord = 32;
  ReplayState const replay{.bitmap_words = kReplayWindow / kBitsOfWord,
                           .sent = 0,
                           .received = 0,
                           .sent_high = 0,
                           .received_high = 0,
                           .window = kReplayWindow};
  AeadAlgorithm algorithm{};
  std::ranges::copy(kCipher, algorithm.name);
  algorithm.key_bits = kKeyOctets * 8;
  algorithm.icv_bits = kIcvBits;
  std::ranges::copy(key.octets(), algorithm.key);
  auto const type = static_cast<std::uint16_t>(complete ? XFRM_MSG_UPDSA : XFRM_MSG_NEWSA);
  // The key last, when the message has grown: what outgrows a buffer leaves its old contents behind.
  auto message = MessageBuilder{type, NLM_F_CREATE | NLM_F_EXCL}
                     .header(info)
                     .put_object(XFRMA_REPLAY_ESN_VAL, replay)
                     .put_object(XFRMA_ALG_AEAD, algorithm)
                     .take();
  ::explicit_bzero(&algorithm, sizeof algorithm);
  return message;
}

Result<Bytes> encode_remove(AssociationId const& id) {
  xfrm_usersa_id const request{.daddr = address_of(id.destination),
                               .spi = big(static_cast<std::uint32_t>(id.spi)),
                               .family = AF_INET,
                               .proto = IPPROTO_ESP};
  return MessageBuilder{XFRM_MSG_DELSA, 0}.header(request).take();
}

Result<Bytes> encode_policy(Policy const& policy, std::uint32_t tag) {
  xfrm_userpolicy_info info{};
  info.sel = selector(policy.id);
  info.lft = unlimited();
  info.priority = policy.priority;
  info.dir = direction(policy.id);
  info.action = policy.treatment == Treatment::block ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
  return MessageBuilder{XFRM_MSG_UPDPOLICY, NLM_F_CREATE}
      .header(info)
      .put_object(XFRMA_TMPL, transformation(policy, tag))
      .take();
}

Result<Bytes> encode_remove(PolicyId const& id) {
  xfrm_userpolicy_id request{};
  request.sel = selector(id);
  request.dir = direction(id);
  return MessageBuilder{XFRM_MSG_DELPOLICY, 0}.header(request).take();
}

Result<Bytes> encode_list_associations() { return MessageBuilder{XFRM_MSG_GETSA, 0}.take(); }

Result<Bytes> encode_list_policies() { return MessageBuilder{XFRM_MSG_GETPOLICY, 0}.take(); }

Result<std::optional<AssociationId>> decode_association(netlink::Message const& message, std::uint32_t tag) {
  if (message.type != XFRM_MSG_NEWSA && message.type != XFRM_MSG_UPDSA) return std::nullopt;
  auto const info = read_object<xfrm_usersa_info>(message.payload);
  if (!info) return cut_off();
  if (info->family != AF_INET || info->id.proto != IPPROTO_ESP || info->reqid != tag) return std::nullopt;
  return AssociationId{
      .source = from_wire(info->saddr), .destination = from_wire(info->id.daddr), .spi = Spi{big(info->id.spi)}};
}

Result<std::optional<Policy>> decode_policy(netlink::Message const& message, std::uint32_t tag) {
  if (message.type != XFRM_MSG_NEWPOLICY && message.type != XFRM_MSG_UPDPOLICY) return std::nullopt;
  auto const info = read_object<xfrm_userpolicy_info>(message.payload);
  if (!info) return cut_off();
  if (!has_our_form(info->sel) || info->dir > XFRM_POLICY_OUT) return std::nullopt;
  auto const attributes =
      netlink::AttributeTable<XFRMA_MAX + 1>::parse(message.payload.subspan(sizeof(xfrm_userpolicy_info)));
  if (!attributes) return failure_of(attributes);
  if (attributes->find(XFRMA_MARK)) return std::nullopt;
  auto const templates = attributes->find(XFRMA_TMPL);
  if (!templates || templates->size() != sizeof(xfrm_user_tmpl)) return std::nullopt;
  auto const transformation = read_object<xfrm_user_tmpl>(*templates);
  if (!transformation || transformation->reqid != tag) return std::nullopt;
  auto const treatment = treatment_of(info->action, *transformation);
  if (!treatment) return std::nullopt;
  Policy policy{.id = {.direction = info->dir == XFRM_POLICY_IN ? Direction::in : Direction::out,
                       .source = from_wire(info->sel.saddr),
                       .destination = from_wire(info->sel.daddr),
                       .port = big(info->sel.dport)},
                .treatment = *treatment,
                .priority = info->priority};
  if (transformation->id.spi != 0) policy.spi = Spi{big(transformation->id.spi)};
  return policy;
}

bool is_change(netlink::Message const& message) {
  switch (message.type) {
    case XFRM_MSG_EXPIRE:
    case XFRM_MSG_DELSA:
    case XFRM_MSG_UPDSA:
    case XFRM_MSG_FLUSHSA:
    case XFRM_MSG_NEWPOLICY:
    case XFRM_MSG_DELPOLICY:
    case XFRM_MSG_UPDPOLICY:
    case XFRM_MSG_POLEXPIRE:
    case XFRM_MSG_FLUSHPOLICY: return true;
    default: return false;
  }
}

} // namespace weave::datapath::ipsec
