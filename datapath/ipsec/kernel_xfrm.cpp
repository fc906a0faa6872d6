#include "datapath/ipsec/kernel_xfrm.hpp"

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <optional>
#include <sys/utsname.h>
#include <utility>

#include <fmt/format.h>

#include "datapath/ipsec/policy_plan.hpp"
#include "datapath/ipsec/xfrm_codec.hpp"

namespace weave::datapath::ipsec {
namespace {

/// Both in 203.0.113.0/24, which no host has (RFC 5737).
constexpr AssociationId kProbe{.source = Ipv4Address{0xcb007101}, .destination = Ipv4Address{0xcb007102}, .spi = {}};
constexpr std::size_t kKeySize = 36;

constexpr std::size_t kNoticeQueue = 256 * 1024;
constexpr std::size_t kLongestNotice = 4096;
constexpr unsigned kNoticesAtOnce = 16;

Result<void> unless_missing(Result<void> done) {
  if (!done && done.error().kind() == ErrorKind::not_found) return {};
  return done;
}

} // namespace

Result<std::unique_ptr<KernelXfrm>> KernelXfrm::connect() {
  auto socket = netlink::GenericSocket::open(NETLINK_XFRM);
  if (!socket) {
    return failure(ErrorKind::refused, fmt::format("this kernel has no IPsec (xfrm_user): {}", socket.error().text()));
  }
  return std::unique_ptr<KernelXfrm>{new KernelXfrm{std::move(*socket)}};
}

Result<std::unique_ptr<KernelXfrm>> KernelXfrm::open() {
  auto opened = connect();
  if (!opened) return opened;
  if (auto const probed = (*opened)->probe(); !probed) return failure_of(probed);
  return opened;
}

Result<void> KernelXfrm::probe() {
  utsname kernel{};
  if (::uname(&kernel) != 0 || !vxlan_tells_port(kernel.release)) {
    return failure(ErrorKind::refused,
                   fmt::format("VXLAN of kernel {} cannot be told apart by IPsec, 4.14 can", kernel.release));
  }
  auto const spi = allocate(kProbe.source, kProbe.destination);
  if (!spi) return failure(ErrorKind::refused, spi.error().text());
  auto id = kProbe;
  id.spi = *spi;
  auto const done = complete(id, Secret{Bytes(kKeySize)});
  auto const removed = remove(id);
  if (!done) {
    return failure(ErrorKind::refused,
                   fmt::format("this kernel cannot encrypt by ESP with AES-GCM (esp4): {}", done.error().text()));
  }
  return removed;
}

Result<void> KernelXfrm::watch(FdWatcher& watcher, std::function<void()> call) {
  auto socket = netlink::ReceivingSocket::open(
      {.queue = kNoticeQueue, .message = kLongestNotice, .batch = kNoticesAtOnce, .secret = true}, NETLINK_XFRM);
  if (!socket) return failure_of(socket);
  for (auto const group : {XFRMNLGRP_SA, XFRMNLGRP_POLICY, XFRMNLGRP_EXPIRE}) {
    if (auto const joined = socket->join(group); !joined) return joined;
  }
  notices_ = std::make_unique<netlink::ReceivingSocket>(std::move(*socket));
  watch_ = watcher.watch_readable(notices_->fd(), [this, call = std::move(call)] { read_notices(call); });
  return {};
}

void KernelXfrm::read_notices(std::function<void()> const& call) {
  bool changed = false;
  auto const outcome = notices_->receive([&](netlink::Message const& message) {
    changed = changed || (is_change(message) && message.port != socket_.port());
    return true;
  });
  if (changed || !outcome || *outcome == netlink::ReceivingSocket::Outcome::overrun) call();
}

Result<void> KernelXfrm::request(Result<Bytes> message, std::string_view what) {
  if (!message) return failure_of(message);
  return socket_.transact(*std::move(message), what);
}

Result<Spi> KernelXfrm::allocate(Ipv4Address source, Ipv4Address destination) {
  auto request = encode_allocate(source, destination, kTag);
  if (!request) return failure_of(request);
  Result<Spi> allocated = failure(ErrorKind::malformed, "allocate SPI: no answer");
  auto const done = socket_.transact(*std::move(request), "allocate SPI", [&](netlink::Message const& message) {
    auto const found = decode_association(message, kTag);
    if (!found) allocated = failure_of(found);
    if (found && *found) allocated = (*found)->spi;
  });
  if (!done) return failure_of(done);
  return allocated;
}

Result<void> KernelXfrm::complete(AssociationId const& id, Secret const& key) {
  return request(encode_association(id, key, kTag, true), "complete IPsec association");
}

Result<void> KernelXfrm::add(AssociationId const& id, Secret const& key) {
  return request(encode_association(id, key, kTag, false), "add IPsec association");
}

Result<void> KernelXfrm::remove(AssociationId const& id) {
  return unless_missing(request(encode_remove(id), "remove IPsec association"));
}

Result<void> KernelXfrm::set(Policy const& policy) { return request(encode_policy(policy, kTag), "set IPsec policy"); }

Result<void> KernelXfrm::remove(PolicyId const& id) {
  return unless_missing(request(encode_remove(id), "remove IPsec policy"));
}

Result<Inventory> KernelXfrm::inventory() {
  Inventory all;
  auto associations = encode_list_associations();
  if (!associations) return failure_of(associations);
  auto const listed = socket_.dump(
      *std::move(associations), "list IPsec associations", [&] { all.associations.clear(); },
      [&](netlink::Message const& message) {
        auto const found = decode_association(message, kTag);
        if (found && *found) all.associations.push_back(**found);
      });
  socket_.wipe_answers();
  if (!listed) return failure_of(listed);
  auto policies = encode_list_policies();
  if (!policies) return failure_of(policies);
  auto const read = socket_.dump(
      *std::move(policies), "list IPsec policies", [&] { all.policies.clear(); },
      [&](netlink::Message const& message) {
        auto const found = decode_policy(message, kTag);
        if (found && *found) all.policies.push_back(**found);
      });
  if (!read) return failure_of(read);
  return all;
}

} // namespace weave::datapath::ipsec
