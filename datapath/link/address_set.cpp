#include "datapath/link/address_set.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <optional>
#include <sys/socket.h>

#include <fmt/format.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/bytes.hpp"
#include "datapath/link/route_socket.hpp"

namespace weave::datapath {
namespace {

constexpr char const* kType = "hash:net";
/// The first one of the type: every kernel has it.
constexpr std::uint8_t kRevision = 0;

/// Without NLM_F_EXCL the kernel takes "exists already" and "is gone already" for success.
RouteMessage message(ipset_cmd command, int flags = 0) {
  nfgenmsg header{};
  header.nfgen_family = AF_INET;
  header.version = NFNETLINK_V0;
  RouteMessage made{NFNL_SUBSYS_IPSET << 8 | command, NLM_F_REQUEST | flags};
  made.header(header).put_u8(IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
  return made;
}

RouteMessage message(ipset_cmd command, std::string const& name, int flags = NLM_F_ACK) {
  auto made = message(command, flags);
  made.put_text(IPSET_ATTR_SETNAME, name);
  return made;
}

void put_entry(RouteMessage& message, Ipv4Cidr cidr) {
  ByteWriter address;
  address.u32(cidr.address.value());
  message.nest(IPSET_ATTR_DATA | NLA_F_NESTED, [&](RouteMessage& data) {
    data.nest(IPSET_ATTR_IP | NLA_F_NESTED,
              [&](RouteMessage& ip) { ip.put(IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, address.bytes()); });
    data.put_u8(IPSET_ATTR_CIDR, static_cast<std::uint8_t>(cidr.prefix));
  });
}

std::optional<Ipv4Cidr> decode_entry(nlattr* attribute) {
  std::array<nlattr*, IPSET_ATTR_CIDR + 1> data{};
  if (nla_parse_nested(data.data(), IPSET_ATTR_CIDR, attribute, nullptr) < 0 || data[IPSET_ATTR_IP] == nullptr) {
    return std::nullopt;
  }
  std::array<nlattr*, IPSET_ATTR_IPADDR_IPV4 + 1> ip{};
  if (nla_parse_nested(ip.data(), IPSET_ATTR_IPADDR_IPV4, data[IPSET_ATTR_IP], nullptr) < 0) return std::nullopt;
  auto const* const address = ip[IPSET_ATTR_IPADDR_IPV4];
  if (address == nullptr || nla_len(address) != 4) return std::nullopt;
  ByteReader bytes{{static_cast<std::uint8_t const*>(nla_data(address)), 4}};
  auto const* const prefix = data[IPSET_ATTR_CIDR];
  return Ipv4Cidr{Ipv4Address{bytes.u32().value()}, prefix == nullptr ? 32 : nla_get_u8(prefix)};
}

void collect_entries(nlmsghdr const& answer, std::vector<Ipv4Cidr>& entries) {
  std::array<nlattr*, IPSET_ATTR_CMD_MAX + 1> attributes{};
  // nlmsg_parse only reads the message.
  auto* const header = const_cast<nlmsghdr*>(&answer);
  if (nlmsg_parse(header, sizeof(nfgenmsg), attributes.data(), IPSET_ATTR_CMD_MAX, nullptr) < 0) return;
  auto* const list = attributes[IPSET_ATTR_ADT];
  if (list == nullptr) return;
  int rest = nla_len(list);
  for (auto* entry = static_cast<nlattr*>(nla_data(list)); nla_ok(entry, rest); entry = nla_next(entry, &rest)) {
    if (auto const cidr = decode_entry(entry)) entries.push_back(*cidr);
  }
}

class KernelAddressSet final : public AddressSet {
 public:
  KernelAddressSet(RouteSocket socket, std::string name) : socket_{std::move(socket)}, name_{std::move(name)} {}

  Result<std::vector<Ipv4Cidr>> entries() override {
    std::vector<Ipv4Cidr> entries;
    auto const read = socket_.query(
        message(IPSET_CMD_LIST, name_, NLM_F_DUMP), "read IP set " + name_,
        [&](nlmsghdr const& answer) { collect_entries(answer, entries); }, [&] { entries.clear(); });
    if (!read) return failure_of(read);
    std::ranges::sort(entries);
    return entries;
  }
  Result<void> add(Ipv4Cidr cidr) override { return change(IPSET_CMD_ADD, "add", "to", cidr); }
  Result<void> remove(Ipv4Cidr cidr) override { return change(IPSET_CMD_DEL, "remove", "from", cidr); }

 private:
  Result<void> change(ipset_cmd command, std::string_view verb, std::string_view preposition, Ipv4Cidr cidr) {
    auto request = message(command, name_);
    put_entry(request, cidr);
    return socket_.request(std::move(request),
                           fmt::format("{} {} {} IP set {}", verb, cidr.to_string(), preposition, name_));
  }

  RouteSocket socket_;
  std::string name_;
};

/// Kernels without these sets do not know the whole subsystem.
Result<RouteSocket> open_socket() {
  auto socket = RouteSocket::open(NETLINK_NETFILTER);
  auto const known =
      socket ? socket->query(message(IPSET_CMD_PROTOCOL, NLM_F_ACK), "ask for IP sets", [](nlmsghdr const&) {})
             : Result<void>{failure_of(socket)};
  if (known) return socket;
  return failure(ErrorKind::refused, fmt::format("this kernel has no IP sets ({})", known.error().text()));
}

} // namespace

Result<std::unique_ptr<AddressSet>> AddressSet::open(std::string name) {
  auto socket = open_socket();
  if (!socket) return failure_of(socket);
  auto request = message(IPSET_CMD_CREATE, name);
  request.put_text(IPSET_ATTR_TYPENAME, kType)
      .put_u8(IPSET_ATTR_REVISION, kRevision)
      .put_u8(IPSET_ATTR_FAMILY, AF_INET)
      .nest(IPSET_ATTR_DATA | NLA_F_NESTED, [](RouteMessage&) {});
  auto const made = socket->request(std::move(request), fmt::format("make IP set {} of type {}", name, kType));
  if (!made) return failure_of(made);
  return std::make_unique<KernelAddressSet>(*std::move(socket), std::move(name));
}

Result<void> AddressSet::destroy(std::string const& name) {
  auto socket = open_socket();
  if (!socket) return {};
  return socket->request(message(IPSET_CMD_DESTROY, name), "delete IP set " + name, Tolerate::missing);
}

} // namespace weave::datapath
