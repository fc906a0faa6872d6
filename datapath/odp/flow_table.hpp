#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/odp/datapath_interface.hpp"
#include "datapath/odp/plan.hpp"
#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// A flow that is installed, as far as we know.
struct KnownFlow {
  FlowMatch match;
  Actions actions = {};
  /// When we installed or found it, and when we last wrote it.
  TimePoint created;
  TimePoint written = {};
  /// Of the last packet, as of the last statistics; absent: none yet.
  std::optional<TimePoint> used = {};
  /// What it did when it was found at the start, until the mesh has settled.
  std::optional<Plan> adopted = {};
  /// The last write failed: what the kernel does is not known.
  bool uncertain = false;
};

/// The flows of one datapath: what is wanted against what is installed, so that a change touches only flows that it
/// concerns (protocol/datapath.md §13 W2, W3). Remembers; the kernel's own list is compared every minute. Control
/// thread only.
class FlowTable {
 public:
  /// More flows than this are not installed: packets are then decided one by one.
  static constexpr std::size_t kCapacity = 65536;

  /// What a flow shall do; none: it shall go.
  using Wanted = std::function<std::optional<Actions>(KnownFlow const&)>;

  struct Counters {
    std::uint64_t installed = 0;
    std::uint64_t rewritten = 0;
    std::uint64_t removed = 0;
    std::uint64_t expired = 0;
    std::uint64_t refused = 0; ///< no room
    std::uint64_t failed = 0;  ///< the kernel said no
    std::uint64_t lost = 0;    ///< found missing
    std::uint64_t foreign = 0; ///< found without having been installed by us, and removed
  };

  explicit FlowTable(std::size_t capacity = kCapacity) : capacity_{capacity} {}

  /// Works on this datapath, which outlives the use, from now on; knows no flow of it yet.
  void attach(DatapathInterface& datapath);

  /// Takes over a flow that was found, which does `plan`.
  void adopt(Flow const& flow, Plan plan, TimePoint now);
  [[nodiscard]] bool has_adopted() const { return has_adopted_; }
  /// Installs or rewrites; nothing if that is how it is already, unless it was written longer than kSettle ago: then
  /// the kernel has lost it, because it asked about such a packet.
  Result<void> install(FlowMatch const& match, Actions const& actions, TimePoint now);
  /// Installs or rewrites unless that is how it is.
  Result<void> ensure(FlowMatch const& match, Actions const& actions, TimePoint now);
  /// Asks about every flow, or about those with this source or destination address, and changes what differs.
  void review(Wanted const& wanted, TimePoint now);
  void review(MacAddress mac, Wanted const& wanted, TimePoint now);
  /// Those whose last write failed.
  void retry(Wanted const& wanted, TimePoint now);

  /// Compares with the kernel's list: what it lost is forgotten, what we do not know is removed, times of use are
  /// noted.
  void compare(std::span<Flow const> installed);
  /// Removes flows for which `is_over`.
  void expire(std::function<bool(KnownFlow const&)> const& is_over);
  void for_each(std::function<void(KnownFlow const&)> const& visit) const;
  /// The mesh has settled: adopted flows are like others.
  void confirm_adopted();

  [[nodiscard]] std::size_t size() const { return flows_.size(); }
  [[nodiscard]] bool is_full() const { return flows_.size() >= capacity_; }
  [[nodiscard]] std::size_t uncertain() const { return uncertain_.size(); }
  [[nodiscard]] Counters const& counters() const { return counters_; }

  /// Longer than packets wait in the kernel's queue to us.
  static constexpr Duration kSettle = std::chrono::milliseconds{500};

 private:
  struct HashUfid {
    std::size_t operator()(Ufid const& ufid) const noexcept {
      std::size_t hash = 0;
      std::memcpy(&hash, ufid.data(), sizeof hash);
      return hash;
    }
  };
  using Set = std::unordered_set<Ufid, HashUfid>;

  void review(std::span<Ufid const> ufids, Wanted const& wanted, TimePoint now);
  Result<void> write(Ufid const& ufid, KnownFlow& flow, Actions actions, TimePoint now);
  void remove(Ufid const& ufid);
  void index(Ufid const& ufid, FlowMatch const& match);
  void forget(Ufid const& ufid);

  std::size_t capacity_;
  DatapathInterface* datapath_ = nullptr;
  std::unordered_map<Ufid, KnownFlow, HashUfid> flows_;
  /// By unicast source and destination.
  std::unordered_map<MacAddress, Set> by_mac_;
  Set uncertain_;
  bool has_adopted_ = false;
  Counters counters_;
};

} // namespace weave::datapath::odp
