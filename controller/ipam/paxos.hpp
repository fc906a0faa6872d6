#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/peer_name.hpp"

namespace weave::controller::ipam {

/// A participant of the election. The uid tells incarnations apart: a node that lost its promises must come back with
/// another one.
struct NodeId {
  PeerName name;
  std::uint64_t uid = 0;

  friend auto operator<=>(NodeId const&, NodeId const&) = default;
};

/// Ordered by round, then proposer. Round 0 is "none".
struct ProposalId {
  std::uint64_t round = 0;
  NodeId proposer;

  [[nodiscard]] bool valid() const { return round > 0; }
  friend auto operator<=>(ProposalId const&, ProposalId const&) = default;
};

struct AcceptedValue {
  std::vector<PeerName> value;
  ProposalId origin;

  friend bool operator==(AcceptedValue const&, AcceptedValue const&) = default;
};

struct NodeClaims {
  ProposalId promise;
  ProposalId accepted;
  AcceptedValue accepted_value;

  friend bool operator==(NodeClaims const&, NodeClaims const&) = default;
};

using PaxosState = std::map<NodeId, NodeClaims>;

/// One participant of the election that decides, once, among which peers the universe is divided
/// (protocol/ipam-dns.md §6): proposer, acceptor and learner in one; its messages are the union of everything known.
/// Pure and single-threaded. Safe only if its state is saved before it is sent, or if the uid changes when it is lost.
class PaxosNode {
 public:
  explicit PaxosNode(NodeId self) : self_{self} {}

  /// 0 means that this node votes but never concludes.
  void set_quorum(std::uint32_t quorum) { quorum_ = quorum; }
  [[nodiscard]] std::uint32_t quorum() const { return quorum_; }
  [[nodiscard]] NodeId self() const { return self_; }
  [[nodiscard]] PaxosState const& state() const { return state_; }
  void restore(PaxosState state) { state_ = std::move(state); }

  /// Starts a round higher than any seen.
  void propose();
  /// Takes in what another node knows; true if something was new. Nodes beyond a limit far above any cluster's size are
  /// not remembered.
  bool update(PaxosState const& from);
  /// Draws the conclusions; true if our own opinion changed and must be told.
  bool think();
  /// The value, once a quorum has accepted it. May hold duplicates.
  [[nodiscard]] std::optional<std::vector<PeerName>> consensus() const;
  /// A proposal of another node is the highest known.
  [[nodiscard]] bool outbid() const;

 private:
  void consider_own_proposal(NodeClaims& ours) const;

  NodeId self_;
  std::uint32_t quorum_ = 0;
  PaxosState state_;
};

} // namespace weave::controller::ipam
