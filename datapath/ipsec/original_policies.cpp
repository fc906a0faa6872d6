#include "datapath/ipsec/original_policies.hpp"

#include <cstddef>
#include <cstring>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <optional>
#include <set>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include "datapath/ipsec/xfrm_codec.hpp"
#include "datapath/netlink/attributes.hpp"
#include "datapath/netlink/generic_socket.hpp"
#include "datapath/netlink/message_builder.hpp"

namespace weave::datapath::ipsec {
namespace {

/// The original ties nothing together by a number (reqid).
constexpr std::uint32_t kNoTag = 0;
constexpr std::string_view kCipher = "rfc4106(gcm(aes))";
constexpr std::uint32_t kKeyBits = 288;
constexpr xfrm_mark kMark{.v = 0x20000, .m = 0x20000};
constexpr std::uint8_t kWholeAddress = 32;

/// Addresses as the kernel has them.
using Pair = std::pair<std::uint32_t, std::uint32_t>;

using Attributes = netlink::AttributeTable<XFRMA_MAX + 1>;

template <class T>
std::optional<T> read_object(std::optional<ByteView> bytes) {
  if (!bytes || bytes->size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

bool is_original(xfrm_userpolicy_info const& info) {
  auto const& sel = info.sel;
  return info.dir == XFRM_POLICY_OUT && info.action == XFRM_POLICY_ALLOW && info.priority == 0 &&
         sel.family == AF_INET && sel.proto == IPPROTO_UDP && sel.dport_mask == 0 && sel.sport_mask == 0 &&
         sel.prefixlen_d == kWholeAddress && sel.prefixlen_s == kWholeAddress;
}

/// One template: what it covers is encrypted from end to end.
bool is_original(std::optional<ByteView> templates, xfrm_selector const& sel) {
  if (!templates || templates->size() != sizeof(xfrm_user_tmpl)) return false;
  auto const wanted = read_object<xfrm_user_tmpl>(templates);
  return wanted && wanted->id.proto == IPPROTO_ESP && wanted->id.spi != 0 && wanted->mode == XFRM_MODE_TRANSPORT &&
         wanted->reqid == kNoTag && wanted->id.daddr.a4 == sel.daddr.a4 && wanted->saddr.a4 == sel.saddr.a4;
}

std::optional<xfrm_selector> original_selector(netlink::Message const& message) {
  if (message.type != XFRM_MSG_NEWPOLICY) return std::nullopt;
  auto const info = read_object<xfrm_userpolicy_info>(message.payload);
  if (!info || !is_original(*info)) return std::nullopt;
  auto const attributes = Attributes::parse(message.payload.subspan(sizeof *info));
  if (!attributes || !is_original(attributes->find(XFRMA_TMPL), info->sel)) return std::nullopt;
  auto const mark = attributes->find(XFRMA_MARK);
  if (!mark || mark->size() != sizeof kMark || std::memcmp(mark->data(), &kMark, sizeof kMark) != 0)
    return std::nullopt;
  return info->sel;
}

/// Transport with the original's cipher, wide sequence numbers and nothing that others give theirs.
bool has_original_form(netlink::Message const& message) {
  auto const info = read_object<xfrm_usersa_info>(message.payload);
  if (!info || info->mode != XFRM_MODE_TRANSPORT || (info->flags & XFRM_STATE_ESN) == 0) return false;
  auto const attributes = Attributes::parse(message.payload.subspan(sizeof *info));
  if (!attributes || attributes->find(XFRMA_MARK) || attributes->find(XFRMA_IF_ID)) return false;
  // With the key behind it, which is not for us.
  auto const cipher = attributes->find(XFRMA_ALG_AEAD);
  if (!cipher || cipher->size() < sizeof(xfrm_algo_aead)) return false;
  std::uint32_t bits = 0;
  std::memcpy(&bits, cipher->data() + offsetof(xfrm_algo_aead, alg_key_len), sizeof bits);
  return bits == kKeyBits && netlink::read_text(cipher->first(offsetof(xfrm_algo_aead, alg_key_len))) == kCipher;
}

std::uint32_t wire_of(Ipv4Address address) { return htonl(address.value()); }

Result<std::vector<xfrm_selector>> list_policies(netlink::GenericSocket& socket) {
  std::vector<xfrm_selector> found;
  auto request = encode_list_policies();
  if (!request) return failure_of(request);
  auto const listed = socket.dump(
      *std::move(request), "list IPsec policies", [&] { found.clear(); },
      [&](netlink::Message const& message) {
        if (auto const selector = original_selector(message)) found.push_back(*selector);
      });
  if (!listed) return failure_of(listed);
  return found;
}

Result<std::vector<AssociationId>> list_associations(netlink::GenericSocket& socket, std::set<Pair> const& pairs) {
  std::vector<AssociationId> found;
  auto request = encode_list_associations();
  if (!request) return failure_of(request);
  auto const listed = socket.dump(
      *std::move(request), "list IPsec associations", [&] { found.clear(); },
      [&](netlink::Message const& message) {
        auto const id = decode_association(message, kNoTag);
        if (!id || !*id || !has_original_form(message)) return;
        Pair const pair{wire_of((*id)->source), wire_of((*id)->destination)};
        if (pairs.contains(pair) || pairs.contains({pair.second, pair.first})) found.push_back(**id);
      });
  socket.wipe_answers();
  if (!listed) return failure_of(listed);
  return found;
}

Result<void> remove(netlink::GenericSocket& socket, Result<Bytes> request, std::string_view what) {
  if (!request) return failure_of(request);
  auto removed = socket.transact(*std::move(request), what);
  if (!removed && removed.error().kind() == ErrorKind::not_found) return {};
  return removed;
}

Result<Bytes> encode_remove(xfrm_selector const& selector) {
  xfrm_userpolicy_id id{};
  id.sel = selector;
  id.dir = XFRM_POLICY_OUT;
  return netlink::MessageBuilder{XFRM_MSG_DELPOLICY, 0}.header(id).put_object(XFRMA_MARK, kMark).take();
}

} // namespace

Result<std::size_t> remove_original_policies() {
  auto socket = netlink::GenericSocket::open(NETLINK_XFRM);
  if (!socket) return 0;
  auto const policies = list_policies(*socket);
  if (!policies) return failure_of(policies);
  if (policies->empty()) return 0;
  std::set<Pair> pairs;
  for (auto const& selector : *policies) pairs.emplace(selector.saddr.a4, selector.daddr.a4);
  auto const associations = list_associations(*socket, pairs);
  if (!associations) return failure_of(associations);
  for (auto const& selector : *policies) {
    auto const removed = remove(*socket, encode_remove(selector), "remove IPsec policy");
    if (!removed) return failure_of(removed);
  }
  for (auto const& id : *associations) {
    auto const removed = remove(*socket, ipsec::encode_remove(id), "remove IPsec association");
    if (!removed) return failure_of(removed);
  }
  return policies->size();
}

} // namespace weave::datapath::ipsec
