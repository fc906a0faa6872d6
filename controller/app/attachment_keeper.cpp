#include "controller/app/attachment_keeper.hpp"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weave::controller {
namespace {

using Wish = api::AttachPort::Wish;

constexpr std::string_view kContainer = "container";
constexpr std::string_view kAddresses = "addresses";
constexpr std::string_view kExtraHosts = "hosts";
constexpr std::string_view kNoMulticast = "no-multicast-route";
constexpr std::string_view kRewriteHosts = "rewrite-hosts";
constexpr std::string_view kWithoutName = "without-name";

bool is_set(boost::json::object const& object, std::string_view key) {
  auto const* const value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->as_bool();
}

Result<std::vector<std::string>> texts(boost::json::object const& object, std::string_view key) {
  std::vector<std::string> found;
  auto const* const value = object.if_contains(key);
  if (value == nullptr) return found;
  if (!value->is_array()) return failure(ErrorKind::malformed, fmt::format("stored attachment: {}", key));
  for (auto const& each : value->as_array()) {
    if (!each.is_string()) return failure(ErrorKind::malformed, fmt::format("stored attachment: {}", key));
    found.emplace_back(each.as_string());
  }
  return found;
}

Result<Wish> wish_of(boost::json::object const& object) {
  auto const addresses = texts(object, kAddresses);
  if (!addresses) return failure_of(addresses);
  auto hosts = texts(object, kExtraHosts);
  if (!hosts) return failure_of(hosts);
  Wish wish{.addresses = {},
            .multicast_route = !is_set(object, kNoMulticast),
            .rewrite_hosts = is_set(object, kRewriteHosts),
            .extra_hosts = *std::move(hosts),
            .without_name = is_set(object, kWithoutName)};
  for (auto const& text : *addresses) {
    auto const cidr = Ipv4Cidr::parse(text);
    if (!cidr) return failure_of(cidr);
    wish.addresses.push_back(*cidr);
  }
  return wish;
}

std::string list_of(std::vector<Ipv4Cidr> const& addresses) {
  std::vector<std::string> words;
  for (auto const& cidr : addresses) words.push_back(cidr.to_string());
  return fmt::format("{}", fmt::join(words, ", "));
}

} // namespace

std::string to_text(Attachments const& attachments) {
  boost::json::array all;
  for (auto const& [container, wish] : attachments) {
    boost::json::array addresses;
    for (auto const& cidr : wish.addresses) addresses.emplace_back(cidr.to_string());
    boost::json::object one{{kContainer, container}, {kAddresses, std::move(addresses)}};
    if (!wish.multicast_route) one[kNoMulticast] = true;
    if (wish.rewrite_hosts) one[kRewriteHosts] = true;
    if (wish.without_name) one[kWithoutName] = true;
    if (!wish.extra_hosts.empty())
      one[kExtraHosts] = boost::json::array(wish.extra_hosts.begin(), wish.extra_hosts.end());
    all.push_back(std::move(one));
  }
  return boost::json::serialize(all);
}

Result<Attachments> parse_attachments(std::string_view text) {
  Attachments attachments;
  if (text.empty()) return attachments;
  boost::system::error_code error;
  auto const value = boost::json::parse(text, error);
  if (error || !value.is_array()) return failure(ErrorKind::malformed, "stored attachments are no JSON array");
  for (auto const& each : value.as_array()) {
    auto const* const object = each.if_object();
    auto const* const container = object != nullptr ? object->if_contains(kContainer) : nullptr;
    if (container == nullptr || !container->is_string()) {
      return failure(ErrorKind::malformed, "stored attachment without a container");
    }
    auto wish = wish_of(*object);
    if (!wish) return failure_of(wish);
    attachments.insert_or_assign(std::string{container->as_string()}, *std::move(wish));
  }
  return attachments;
}

void AttachmentKeeper::find(std::string container, api::Completion<Identity> done) {
  ports_.interfaces.find(std::move(container), std::move(done));
}

void AttachmentKeeper::attach(std::string container, Wish wish, api::Completion<void> done) {
  // Events name the full id, whatever people call it.
  find(container, [this, wish = std::move(wish), done = std::move(done)](Result<Identity> const& found) {
    if (!found) return done(failure_of(found));
    ports_.interfaces.attach(found->id, wish, [this, id = found->id, wish, done](Result<void> attached) {
      if (attached) remember(id, wish);
      done(std::move(attached));
    });
  });
}

void AttachmentKeeper::detach(std::string container, std::vector<Ipv4Address> addresses, api::Completion<void> done) {
  find(container, [this, addresses = std::move(addresses), done = std::move(done)](Result<Identity> const& found) {
    if (!found) return done(failure_of(found));
    // Whatever becomes of the interface: they are not wanted at the next start.
    forget(found->id, addresses);
    ports_.interfaces.detach(found->id, addresses, done);
  });
}

void AttachmentKeeper::remember(std::string const& container, Wish const& wish) {
  auto const [known, fresh] = attachments_.try_emplace(container, wish);
  if (!fresh) {
    auto const before = std::exchange(known->second, wish);
    auto& addresses = known->second.addresses;
    for (auto const& cidr : before.addresses) {
      if (std::ranges::find(addresses, cidr) == addresses.end()) addresses.push_back(cidr);
    }
  }
  save();
}

void AttachmentKeeper::adopt(std::vector<ipam::ReclaimedAddress> const& found) {
  std::map<std::string, Wish, std::less<>> fresh;
  for (auto const& [id, cidr, is_container] : found) {
    if (is_container && !attachments_.contains(id)) fresh[id].addresses.push_back(cidr);
  }
  if (fresh.empty()) return;
  for (auto const& [id, wish] : fresh) {
    ports_.logger.info("Container {} has {} attached and keeps it", id.substr(0, 12), list_of(wish.addresses));
    attachments_.emplace(id, wish);
  }
  save();
  for (auto const& [id, wish] : fresh) register_name({.container = id, .wish = wish, .rest = {}});
}

void AttachmentKeeper::forget(std::string const& container, std::vector<Ipv4Address> const& addresses) {
  auto const known = attachments_.find(container);
  if (known == attachments_.end()) return;
  std::erase_if(known->second.addresses,
                [&](Ipv4Cidr const& cidr) { return std::ranges::find(addresses, cidr.address) != addresses.end(); });
  if (known->second.addresses.empty()) attachments_.erase(known);
  save();
}

void AttachmentKeeper::save() const {
  if (auto const saved = ports_.save(to_text(attachments_)); !saved) {
    ports_.logger.error("what is attached to containers will not be attached again when they restart: {}",
                        saved.error().text());
  }
}

void AttachmentKeeper::destroyed(std::string const& id) {
  forget_if([&](std::string const& container) { return container == id; });
}

void AttachmentKeeper::forget_if(std::function<bool(std::string const& container)> const& is_gone) {
  if (std::erase_if(attachments_, [&](auto const& each) { return is_gone(each.first); }) > 0) save();
}

void AttachmentKeeper::started(std::string const& id) {
  auto const known = attachments_.find(id);
  if (known == attachments_.end() || !restoring_.insert(id).second) return;
  Restoration restoration{.container = id, .wish = known->second, .rest = known->second.addresses};
  restoration.wish.addresses.clear();
  claim_next(std::move(restoration));
}

void AttachmentKeeper::claim_next(Restoration restoration) {
  if (restoration.rest.empty()) return plug_in(std::move(restoration));
  auto const cidr = restoration.rest.front();
  restoration.rest.erase(restoration.rest.begin());
  auto const id = restoration.container;
  ports_.claim(id, cidr, [this, cidr, restoration = std::move(restoration)](Result<void> const& claimed) mutable {
    if (claimed) {
      restoration.wish.addresses.push_back(cidr);
    } else {
      ports_.logger.warning("Container {} does not get its address {} back: {}", restoration.container.substr(0, 12),
                            cidr.to_string(), claimed.error().text());
    }
    claim_next(std::move(restoration));
  });
}

void AttachmentKeeper::plug_in(Restoration restoration) {
  auto const id = restoration.container;
  if (restoration.wish.addresses.empty()) {
    restoring_.erase(id);
    return;
  }
  auto const wish = restoration.wish;
  ports_.interfaces.attach(id, wish, [this, restoration = std::move(restoration)](Result<void> const& attached) {
    restoring_.erase(restoration.container);
    auto const name = restoration.container.substr(0, 12);
    if (attached) {
      ports_.logger.info("Container {} keeps its addresses {}", name, list_of(restoration.wish.addresses));
      return register_name(restoration);
    }
    // Its next start brings another try.
    ports_.logger.warning("Container {} is without its addresses {}: {}", name, list_of(restoration.wish.addresses),
                          attached.error().text());
  });
}

void AttachmentKeeper::register_name(Restoration const& restoration) {
  if (restoration.wish.without_name) return;
  find(restoration.container, [this, addresses = restoration.wish.addresses](Result<Identity> const& found) {
    if (!found || found->fqdn.empty()) return;
    for (auto const& cidr : addresses) ports_.name(found->id, cidr.address, found->fqdn);
  });
}

} // namespace weave::controller
