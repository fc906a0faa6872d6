#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/logger.hpp"
#include "base/random.hpp"
#include "base/scheduler.hpp"
#include "controller/ipam/address_book.hpp"
#include "controller/ipam/donor_requests.hpp"
#include "controller/ipam/formation.hpp"
#include "controller/ipam/gossip_state.hpp"
#include "controller/ipam/ipam_ports.hpp"
#include "controller/ipam/ipam_status.hpp"
#include "controller/ipam/operation_queue.hpp"
#include "controller/ipam/paxos.hpp"
#include "controller/ipam/range_tracker.hpp"
#include "controller/ipam/waiting_peers.hpp"
#include "gossip/gossiper.hpp"

namespace weave::controller::ipam {

/// The mesh channel of this protocol.
inline constexpr std::string_view kChannelName = "IPallocation";

struct AllocatorConfig {
  PeerName self;
  std::string nickname;
  /// The mesh uid of this process, under which it votes.
  PeerUid uid{};
  Ipv4Cidr universe;
  Ipv4Cidr default_subnet;
  Formation formation;
  /// By the launch, see quorum_of; the peers found in the mesh may make it larger. Evaluated whenever a ring is wanted.
  std::function<std::uint32_t()> quorum;
};

/// Fatal mistakes of the command line: a universe that cannot be used, a default subnet outside it.
[[nodiscard]] Result<void> validate(AllocatorConfig const& config);

/// All must outlive the allocator.
struct AllocatorPorts {
  Scheduler& scheduler;
  RandomSource& random;
  MeshView& mesh;
  IpamStore& store;
  Logger log;
  /// Absent: nobody is told.
  RangeTracker* tracker = nullptr;
};

/// An address found in use at start.
struct ReclaimedAddress {
  std::string id;
  Ipv4Cidr cidr;
  bool is_container = false;
};

/// Cancels one operation; its completion then runs with ErrorKind::cancelled. Letting go of it cancels nothing. May
/// outlive the operation and the allocator.
class Operation {
 public:
  Operation() = default;
  explicit Operation(std::function<void()> cancel) : cancel_{std::move(cancel)} {}
  void cancel() {
    if (auto const call = std::exchange(cancel_, nullptr)) call();
  }

 private:
  std::function<void()> cancel_;
};

/// Hands out the addresses that the ring gives this peer and keeps the ring in agreement with the mesh
/// (protocol/ipam-dns.md §7). Pure: time, randomness, mesh and store come in through ports. Control thread only.
///
/// Contract: whatever is answered or sent has been saved first. If saving fails, callers get that error, what was
/// recorded for them is undone, and nothing more is told to the mesh until a save succeeds, except that we have handed
/// over to another peer. A crash loses operations that had not been answered and no address that had been. Completions
/// run exactly once and never inside a call.
///
/// What the mesh says of the ring is final: when another peer owns what containers here use, the range is given up, the
/// conflict is logged and shown in the status, the link stays, and each such address is asked back from its owner until
/// it is ours again or the container is gone (protocol/ipam-dns.md §17, "Consistency").
///
/// Start-up, in this order (§8): construct (after `validate`) · register on the mesh channel and `attach` · `restore`
/// (stored ring, else seeds) · `reclaim` addresses found in use · `keep_only_running` if Docker has answered · `start`.
/// From then on pass on peers that leave the topology and Docker's container events.
class Allocator final : public gossip::Gossiper {
 public:
  Allocator(AllocatorConfig config, AllocatorPorts ports);
  ~Allocator() override;
  Allocator(Allocator const&) = delete;
  Allocator& operator=(Allocator const&) = delete;

  void attach(gossip::GossipChannel& channel) { channel_ = &channel; }
  /// True if stored data were ours to use. Unreadable data are an error, to be treated as fatal; a store that takes no
  /// changes is none.
  [[nodiscard]] Result<bool> restore();
  void reclaim(std::vector<ReclaimedAddress> const& addresses);
  /// Frees the addresses of containers that are not in the list.
  void keep_only_running(std::set<std::string> const& containers);
  void start();

  /// Errors: cancelled; out_of_range `range <subnet> out of bounds: <universe>`; timed_out, naming who is missing;
  /// whatever the store says.
  Operation allocate(AllocateRequest request, Completion done);
  /// Errors: as allocate; already_exists `address <cidr> is already owned by <id>` and the like; refused
  /// `address <cidr> is owned by other peer <peer>`.
  Operation claim(ClaimRequest request, std::function<void(Result<void>)> done);
  Operation prime(PrimeRequest request, std::function<void(Result<void>)> done);

  /// The addresses of `id` inside `range`, in the order in which they were recorded.
  [[nodiscard]] std::vector<Ipv4Cidr> lookup(std::string_view id, Ipv4Range range) const;
  /// Error: not_found `Free: address <address> not found for <id>`.
  [[nodiscard]] Result<void> release(std::string_view id, Ipv4Address address);
  /// Error: not_found `Delete: no addresses for <id>`.
  [[nodiscard]] Result<void> release_all(std::string_view id);
  /// Frees an address that is filed under its own text, as those of the Docker driver are; not one that somebody else
  /// holds by now. Error: not_found.
  [[nodiscard]] Result<void> release_address(Ipv4Address address);
  [[nodiscard]] OwnedTable const& owned() const { return book_.owned(); }
  [[nodiscard]] Ipv4Cidr default_subnet() const { return config_.default_subnet; }

  /// Takes over the ranges of a peer that is gone for good, by nickname or name; how many free addresses that gave (0
  /// if unknown). Refused while that peer is in the mesh: both would hand out the same addresses. Of several peers with
  /// that nickname the one that is gone is meant.
  [[nodiscard]] Result<std::uint32_t> take_over(std::string_view peer);
  /// Gives everything to another peer and refuses operations from now on.
  void shut_down();

  /// While held nothing of our space is given to other peers: somebody here may use it without our knowing yet. They
  /// are told when it ends.
  void hold_donations(bool held);

  void on_peer_gone(PeerName peer);
  void on_container_died(std::string const& id);
  void on_container_started(std::string const& id);
  void on_container_destroyed(std::string const& id);
  /// The 5 s round; `start` arranges for it.
  void tick();

  [[nodiscard]] IpamStatus status() const;
  /// For tests and reports.
  [[nodiscard]] AddressBook const& book() const { return book_; }
  [[nodiscard]] GossipState gossip_state() const;
  [[nodiscard]] bool awaiting_consensus() const { return awaiting_ring_; }
  [[nodiscard]] std::size_t dead_containers() const { return dead_.size(); }

  [[nodiscard]] std::unique_ptr<gossip::GossipData> complete_state() override;
  [[nodiscard]] Result<void> on_unicast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<gossip::GossipData>> on_broadcast(PeerName source, ByteView payload) override;
  [[nodiscard]] Result<std::unique_ptr<gossip::GossipData>> on_gossip(PeerName source, ByteView payload) override;

 private:
  class StateToSend;
  struct Unicast {
    PeerName destination;
    Bytes payload;
  };
  /// What leaves after the next save, in order; no value means a broadcast of the state.
  using Outbox = std::vector<std::optional<Unicast>>;

  // Turns: every entry point ends with one (allocator.cpp).
  Result<void> end_turn();
  [[nodiscard]] Result<void> save_changes();
  void tell_tracker();
  void send_all();
  void retry_operations();
  void schedule_tick();
  void broadcast_state() { outbox_.emplace_back(); }
  void unicast_state(PeerName destination);
  [[nodiscard]] Bytes encode_state() const;

  // Start (allocator_start.cpp).
  [[nodiscard]] Result<bool> adopt(StoredIpam const& stored);
  void forget_rows(StoredIpam const& stored);

  // Operations (allocator_operations.cpp).
  Operation submit(OperationRequest request, std::optional<Duration> deadline, Completion done);
  void attempt(OperationId id);
  void attempt(OperationId id, PrimeRequest const& request);
  void attempt(OperationId id, AllocateRequest const& request);
  void attempt(OperationId id, ClaimRequest const& request);
  void claim_outside(OperationId id, ClaimRequest const& request, std::string const& filed);
  void claim_elsewhere(OperationId id, ClaimRequest const& request, PeerName owner);
  void claim_ours(OperationId id, ClaimRequest const& request);
  void conclude(OperationId id, Result<Ipv4Cidr> result, std::optional<Holding> fresh = std::nullopt);
  [[nodiscard]] Result<void> ask_for_space(Ipv4Range range, std::vector<Donor> const& candidates);
  void on_deadline(OperationId id);
  void cancel_container(std::string_view id);
  /// Ends the claims of `id` that nobody waits for: those of addresses found in use, and those answered early.
  /// Otherwise they would take the address after it has been released. False if there was none.
  bool give_up_claims(std::string_view id, std::optional<Ipv4Address> address);

  // Deadlines say who is missing (wait_reason.cpp).
  [[nodiscard]] std::string wait_reason(OperationRequest const& request) const;
  [[nodiscard]] std::string ring_wait_reason() const;
  [[nodiscard]] std::string space_wait_reason(Ipv4Cidr subnet) const;
  [[nodiscard]] std::string denial_text(Ipv4Cidr cidr, PeerName owner) const;
  /// `<name>(<nickname>)`, or just the name.
  [[nodiscard]] std::string describe(PeerName peer) const;
  [[nodiscard]] std::string nickname_of(PeerName peer) const;

  // Who gets which part of the universe in the beginning (allocator_election.cpp).
  void receive_election(PaxosState const& election);
  [[nodiscard]] std::uint32_t quorum() const;
  void establish_ring();
  void propose();
  void conclude_election();
  void form_ring(std::vector<PeerName> seeds);

  // Mesh (allocator_mesh.cpp).
  Result<void> receive(GossipState state, PeerName source);
  Result<void> receive_ring(RingState const& ring, PeerName source);
  [[nodiscard]] Result<void> judge(MergeError const& error, RingState const& theirs, PeerName source);
  void on_space_request(PeerName source, Ipv4Range range);
  void on_space_denied(PeerName source, Ipv4Range range);
  /// Peers that were refused space ask again once they hear that there is some.
  void wake_waiting_peers();
  void merge_nicknames(Nicknames const& theirs, PeerName source);
  void prune_nicknames();
  [[nodiscard]] std::optional<PeerName> choose_heir() const;
  /// Whom `rmpeer` means, in the mesh or not; absent: nobody who owns something.
  [[nodiscard]] Result<std::optional<PeerName>> find_owner(std::string_view name_or_nickname) const;

  // Addresses in use here that belong to other peers (allocator_displaced.cpp).
  void report_conflict(std::string const& text, PeerName other, Duration shown_for);
  void end_conflict(PeerName other);
  void ask_back();
  void note_contested(Ipv4Range range, PeerName owner);
  /// Empty if there are none.
  [[nodiscard]] std::string displaced_text() const;

  AllocatorConfig config_;
  AllocatorPorts ports_;
  gossip::GossipChannel* channel_ = nullptr;

  AddressBook book_;
  /// Absent for observers.
  std::optional<PaxosNode> election_;
  /// Since when we wait for a peer's vote; long ago for who has said that it has none.
  std::map<PeerName, TimePoint> asked_to_vote_;
  Nicknames nicknames_;
  OperationQueue operations_;
  DonorRequests requests_;
  WaitingPeers waiting_peers_;
  std::map<std::string, TimePoint, std::less<>> dead_;
  /// Displaced addresses that their owner has in use as well.
  std::set<Ipv4Address> contested_;
  Outbox outbox_;

  bool awaiting_ring_ = false;
  bool donations_held_ = false;
  bool election_changed_ = false;
  bool nicknames_changed_ = false;
  bool unsaved_ = false;
  bool retry_needed_ = false;
  bool shut_down_ = false;
  /// What the tracker knows.
  std::optional<std::vector<Ipv4Range>> told_ranges_;
  std::uint64_t round_ = 1;
  Conflict conflict_;
  Timer tick_timer_;
  Timer patience_timer_;
  /// Points to this allocator for as long as it lives; shared with what may outlive it.
  std::shared_ptr<Allocator*> alive_;
};

} // namespace weave::controller::ipam
