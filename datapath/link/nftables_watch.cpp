#include "datapath/link/nftables_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <utility>

#include "datapath/netlink/attributes.hpp"
#include "datapath/netlink/message.hpp"

namespace weave::datapath {
namespace {

/// Somebody may throw away a large ruleset, which is one message for each of its rules.
constexpr int kQueue = 4 << 20;
/// The kernel fills pages.
constexpr std::size_t kDatagram = 32 << 10;
/// The first attribute of every object of nf_tables.
constexpr std::size_t kTableName = NFTA_TABLE_NAME;
static_assert(std::size_t{NFTA_CHAIN_TABLE} == kTableName && std::size_t{NFTA_RULE_TABLE} == kTableName &&
              std::size_t{NFTA_SET_TABLE} == kTableName && std::size_t{NFTA_SET_ELEM_LIST_TABLE} == kTableName);
/// Attributes of names, the last of which is this.
constexpr std::size_t kNames = NFTA_CHAIN_NAME + 1;
static_assert(std::size_t{NFTA_RULE_CHAIN} < kNames);

std::optional<std::string> text_of(ByteView payload, std::size_t attribute) {
  if (payload.size() < NLMSG_ALIGN(sizeof(nfgenmsg))) return std::nullopt;
  auto const attributes = netlink::AttributeTable<kNames>::parse(payload.subspan(NLMSG_ALIGN(sizeof(nfgenmsg))));
  auto const found = attributes ? attributes->find(attribute) : std::nullopt;
  return found ? std::optional{std::string{netlink::read_text(*found)}} : std::nullopt;
}

} // namespace

NftablesTable const* TableChanges::watched(ByteView payload) const {
  auto const name = text_of(payload, kTableName);
  if (!name) return nullptr;
  auto const found = std::ranges::find_if(
      tables_, [&](NftablesTable const& table) { return table.family == payload[0] && table.name == *name; });
  return found == tables_.end() ? nullptr : &*found;
}

bool TableChanges::is_loss(NftablesTable const& table, std::uint8_t type, ByteView payload) {
  if (type == NFT_MSG_DELTABLE) return true;
  if (type != NFT_MSG_DELRULE && type != NFT_MSG_DELCHAIN) return false;
  auto const chain =
      text_of(payload, type == NFT_MSG_DELRULE ? std::size_t{NFTA_RULE_CHAIN} : std::size_t{NFTA_CHAIN_NAME});
  return table.chains.empty() || !chain || std::ranges::find(table.chains, *chain) != table.chains.end();
}

void TableChanges::read(ByteView datagram) {
  netlink::MessageCursor cursor{datagram};
  for (auto message = cursor.next(); message && *message; message = cursor.next()) {
    auto const type = (*message)->type;
    if (type >> 8 != NFNL_SUBSYS_NFTABLES) continue;
    // The end of a transaction.
    if ((type & 0xff) == NFT_MSG_NEWGEN) {
      if (std::exchange(touched_, false)) ++complete_;
    } else if (auto const* const table = watched((*message)->payload)) {
      touched_ = true;
      loss_ |= is_loss(*table, static_cast<std::uint8_t>(type & 0xff), (*message)->payload);
    }
  }
}

std::size_t TableChanges::take() { return std::exchange(complete_, 0); }

bool TableChanges::take_loss() { return std::exchange(loss_, false); }

Result<NftablesWatch> NftablesWatch::open(std::vector<NftablesTable> tables) {
  UniqueFd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER)};
  if (!socket) return std::unexpected{system_error("netfilter's notifications", errno)};
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  int const group = NFNLGRP_NFTABLES;
  // Without the right to a larger queue it overflows earlier, which is noticed.
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kQueue, sizeof kQueue);
  if (::bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 ||
      ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return std::unexpected{system_error("netfilter's notifications", errno)};
  }
  return NftablesWatch{std::move(socket), std::move(tables)};
}

Result<std::optional<std::size_t>> NftablesWatch::read() {
  std::array<std::uint8_t, kDatagram> buffer;
  bool lost = false;
  for (;;) {
    auto const size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0 && errno != ENOBUFS) return std::unexpected{system_error("netfilter's notifications", errno)};
    if (size < 0 || static_cast<std::size_t>(size) > buffer.size()) {
      lost = true;
      continue;
    }
    changes_.read({buffer.data(), static_cast<std::size_t>(size)});
  }
  auto const count = changes_.take();
  return lost ? std::nullopt : std::optional{count};
}

} // namespace weave::datapath
