#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/peer_name.hpp"
#include "base/secret.hpp"
#include "datapath/ipsec/key_offer.hpp"
#include "datapath/ipsec/protection.hpp"

namespace weave::datapath::ipsec {

/// The security associations of one connection that must be encrypted (protocol/datapath.md §7.3): what the peer sends
/// to us is ours to begin, by an offer over TCP; what we send begins with the peer's.
///
///   made --start--> offered --peer's offer--> ready --associations lost--> offered anew
///
/// Associations that are gone from the kernel are never made again with the same key, since the counters would begin
/// anew with them: both ends make new ones. Whoever receives more offers than it has sent answers by one; original
/// peers do not, with them a lost outbound association is not mended before the next connection. Destroying it takes
/// them out of the kernel. Control thread only.
class SecuredLink final : private Protected {
 public:
  struct Peer {
    PeerName name;
    TunnelEndpoints ends;
    /// 32 octets.
    std::shared_ptr<Secret const> session_key;
  };
  /// May be called inside methods.
  struct Events {
    /// To be sent as the body of fastdp/1.
    std::function<void(Bytes offer)> send_offer;
    /// From here on packets to the peer are encrypted; again after a loss.
    std::function<void()> ready;
    /// The kernel refuses; nothing follows.
    std::function<void(Error)> failed;
  };

  /// `protection` outlives it.
  SecuredLink(Protection& protection, Peer peer, Logger logger, Events events);
  SecuredLink(SecuredLink const&) = delete;
  SecuredLink& operator=(SecuredLink const&) = delete;
  ~SecuredLink() override;

  /// Blocks what would go to the peer in clear, and offers. Once.
  void start();
  /// The peer's offer as it came.
  void on_offer(ByteView payload);
  /// Whether packets can be sent.
  [[nodiscard]] bool is_ready() const { return sending_.has_value(); }

  /// How long the associations before the last offer are still there for what is on its way.
  static constexpr Duration kOverlap = std::chrono::seconds{5};
  /// So many of them at most.
  static constexpr std::size_t kMostReceiving = 4;
  /// Between two offers after losses.
  static constexpr Duration kRenewPause = std::chrono::seconds{1};

 private:
  [[nodiscard]] TunnelClaim claim() const override;
  [[nodiscard]] std::vector<AssociationId> associations() const override;
  void on_lost(std::vector<AssociationId> const& lost) override;

  [[nodiscard]] AssociationId inbound(Spi spi) const;
  [[nodiscard]] AssociationId outbound(Spi spi) const;
  void offer();
  [[nodiscard]] Result<KeyOffer> make_association();
  [[nodiscard]] Result<void> accept(KeyOffer const& offer);
  void retire_all_but(Spi last);
  void forget(AssociationId const& id);
  void fail(Error error);

  Protection& protection_;
  Peer peer_;
  Logger logger_;
  Events events_;

  bool failed_ = false;
  std::vector<Spi> receiving_;
  std::optional<Spi> sending_;
  std::optional<KeyOffer> accepted_;
  unsigned offers_sent_ = 0;
  unsigned offers_received_ = 0;
  TimePoint last_offer_{};
  Timer renewal_;
  Timer retirement_;
};

/// A connection whose ends trust the network between them: VXLAN between them may be clear. Destroying it ends that.
class ClearLink final : private Protected {
 public:
  /// `protection` outlives it.
  ClearLink(Protection& protection, TunnelEndpoints const& ends);
  ClearLink(ClearLink const&) = delete;
  ClearLink& operator=(ClearLink const&) = delete;
  ~ClearLink() override;

 private:
  [[nodiscard]] TunnelClaim claim() const override { return {.ends = ends_, .may_be_clear = true}; }
  [[nodiscard]] std::vector<AssociationId> associations() const override { return {}; }
  void on_lost(std::vector<AssociationId> const&) override {}

  Protection& protection_;
  TunnelEndpoints ends_;
};

} // namespace weave::datapath::ipsec
