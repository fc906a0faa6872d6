#include "datapath/ipsec/secured_link.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "datapath/packet/byte_order.hpp"

namespace weave::datapath::ipsec {
namespace {

Nonce draw_nonce(RandomSource& random) {
  Nonce nonce;
  for (std::size_t at = 0; at < nonce.size(); at += sizeof(std::uint64_t)) store_u64(nonce, at, random.u64());
  return nonce;
}

} // namespace

SecuredLink::SecuredLink(Protection& protection, Peer peer, Logger logger, Events events)
    : protection_{protection}, peer_{std::move(peer)}, logger_{std::move(logger)}, events_{std::move(events)} {
  protection_.add(*this);
}

SecuredLink::~SecuredLink() {
  auto const all = associations();
  protection_.remove(*this);
  if (protection_.stopped()) return;
  // The policy first: nothing may ask for an association that is gone.
  (void)protection_.update();
  for (auto const& id : all) forget(id);
}

void SecuredLink::start() {
  if (auto const covered = protection_.cover(peer_.ends); !covered) return fail(covered.error());
  offer();
}

void SecuredLink::offer() {
  last_offer_ = protection_.dependencies().scheduler.now();
  renewal_.reset();
  auto const made = make_association();
  if (!made) return fail(made.error());
  ++offers_sent_;
  events_.send_offer(encode_offer(*made));
}

Result<KeyOffer> SecuredLink::make_association() {
  auto const& dependencies = protection_.dependencies();
  auto const nonce = draw_nonce(dependencies.random);
  auto const key = derive_key(*peer_.session_key, nonce, dependencies.self);
  if (!key) return failure_of(key);
  auto const spi = dependencies.kernel.allocate(peer_.ends.remote, peer_.ends.local);
  if (!spi) return failure_of(spi);
  KeyOffer const made{.nonce = nonce, .spi = *spi};
  if (auto const completed = dependencies.kernel.complete(inbound(*spi), *key); !completed) {
    forget(inbound(*spi));
    return failure_of(completed);
  }
  receiving_.push_back(*spi);
  // A peer that offers again and again puts off the retirement.
  if (receiving_.size() > kMostReceiving) {
    forget(inbound(receiving_.front()));
    receiving_.erase(receiving_.begin());
  }
  retire_all_but(*spi);
  return made;
}

void SecuredLink::retire_all_but(Spi last) {
  if (receiving_.size() < 2) return;
  retirement_ = protection_.dependencies().scheduler.after(kOverlap, [this, last] {
    auto const old = std::exchange(receiving_, {last});
    for (auto const spi : old) {
      if (spi != last) forget(inbound(spi));
    }
  });
}

void SecuredLink::on_offer(ByteView payload) {
  if (failed_ || protection_.stopped()) return;
  auto const offered = decode_offer(payload);
  if (!offered) {
    return fail(Error{offered.error().kind(), "bad offer of the peer to encrypt: " + offered.error().text()});
  }
  // The same key once more would count from the start once more.
  if (accepted_ == *offered) return;
  if (auto const accepted = accept(*offered); !accepted) return fail(accepted.error());
  ++offers_received_;
  if (offers_received_ > offers_sent_) offer();
  if (!failed_) events_.ready();
}

Result<void> SecuredLink::accept(KeyOffer const& offer) {
  auto& kernel = protection_.dependencies().kernel;
  auto const key = derive_key(*peer_.session_key, offer.nonce, peer_.name);
  if (!key) return failure_of(key);
  auto const before = sending_;
  auto const id = outbound(offer.spi);
  // Numbers are the peer's to give, also one that it has given before.
  if (auto const cleared = kernel.remove(id); !cleared) return cleared;
  if (auto const added = kernel.add(id, *key); !added) return added;
  accepted_ = offer;
  sending_ = offer.spi;
  if (auto const updated = protection_.update(); !updated) return updated;
  if (before && *before != offer.spi) forget(outbound(*before));
  return {};
}

void SecuredLink::on_lost(std::vector<AssociationId> const& lost) {
  if (failed_) return;
  for (auto const& id : lost) {
    if (sending_ && id == outbound(*sending_)) sending_.reset();
    std::erase_if(receiving_, [&](Spi spi) { return id == inbound(spi); });
  }
  logger_.warning("IPsec associations were removed by somebody else: making new ones");
  (void)protection_.update();
  auto& scheduler = protection_.dependencies().scheduler;
  // Out of the audit that tells it.
  auto const pause = std::max<Duration>(last_offer_ + kRenewPause - scheduler.now(), Duration::zero());
  renewal_ = scheduler.after(pause, [this] { offer(); });
}

void SecuredLink::fail(Error error) {
  if (std::exchange(failed_, true)) return;
  renewal_.reset();
  sending_.reset();
  (void)protection_.update();
  events_.failed(std::move(error));
}

void SecuredLink::forget(AssociationId const& id) {
  if (auto const removed = protection_.dependencies().kernel.remove(id); !removed) {
    logger_.warning("{}", removed.error().text());
  }
}

AssociationId SecuredLink::inbound(Spi spi) const {
  return {.source = peer_.ends.remote, .destination = peer_.ends.local, .spi = spi};
}

AssociationId SecuredLink::outbound(Spi spi) const {
  return {.source = peer_.ends.local, .destination = peer_.ends.remote, .spi = spi};
}

TunnelClaim SecuredLink::claim() const { return {.ends = peer_.ends, .may_be_clear = false, .sending = sending_}; }

std::vector<AssociationId> SecuredLink::associations() const {
  std::vector<AssociationId> all;
  for (auto const spi : receiving_) all.push_back(inbound(spi));
  if (sending_) all.push_back(outbound(*sending_));
  return all;
}

ClearLink::ClearLink(Protection& protection, TunnelEndpoints const& ends) : protection_{protection}, ends_{ends} {
  protection_.add(*this);
  (void)protection_.cover(ends_);
}

ClearLink::~ClearLink() {
  protection_.remove(*this);
  (void)protection_.update();
}

} // namespace weave::datapath::ipsec
