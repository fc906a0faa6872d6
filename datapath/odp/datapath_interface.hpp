#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "datapath/odp/types.hpp"

namespace weave::datapath::odp {

/// What a datapath reports, on the control thread and never inside one of its methods.
struct DatapathEvents {
  /// The packet lives for the call only.
  std::function<void(Upcall const&)> on_upcall;
  /// A vport appeared, or one disappeared (its device was deleted).
  std::function<void(Vport const&)> on_port_added;
  std::function<void(Vport const&)> on_port_removed;
  /// The datapath was deleted by somebody else; every later call fails with not_found.
  std::function<void()> on_deleted;
  /// The kernel had more upcalls or notices than our buffers could hold: look at the ports again. Upcalls lost this way
  /// are counted in `upcalls_lost`.
  std::function<void()> on_overrun;
};

/// One Open vSwitch datapath: the port that the kernel and the fake of the unit tests fill, held to the same contract
/// (test/contract/). Errors: not_found when the datapath, vport or flow does not exist, already_exists (a vport's
/// device or UDP port is in use), refused without permission, otherwise system. Control thread only; a call takes one
/// netlink round trip.
class DatapathInterface {
 public:
  virtual ~DatapathInterface() = default;

  /// Begins to receive. Once. Every vport, present and future, sends its upcalls to us from here on, also after
  /// somebody ran ovs-dpctl (protocol/datapath.md §12 item 13).
  [[nodiscard]] virtual Result<void> start(DatapathEvents events) = 0;

  /// Ascending by number.
  [[nodiscard]] virtual Result<std::vector<Vport>> ports() = 0;
  [[nodiscard]] virtual Result<Vport> add_port(VportSpec const& spec) = 0;
  /// Success if there is none.
  [[nodiscard]] virtual Result<void> remove_port(PortNo port) = 0;

  [[nodiscard]] virtual Result<std::vector<Flow>> flows() = 0;
  /// Installs the flow, or gives the one with this match new actions; statistics and age of an existing flow stay. The
  /// flow's ufid must be set and belong to this match (see ufid_of()). Matches must not overlap: already_exists when
  /// the match with its ignored bits zero would be served by a flow that exists with another match.
  [[nodiscard]] virtual Result<void> put_flow(Flow const& flow) = 0;
  /// By ufid; for flows of somebody else that have none, by key. Success if there is none.
  [[nodiscard]] virtual Result<void> remove_flow(Flow const& flow) = 0;
  /// Acts on one packet now. Not acknowledged: success means that it was handed to the kernel.
  [[nodiscard]] virtual Result<void> execute(ByteView packet, Actions const& actions) = 0;

  [[nodiscard]] virtual Result<DatapathStats> statistics() = 0;
  [[nodiscard]] virtual std::uint64_t upcalls_lost() const = 0;
};

/// The identifier of the flow with this match: a digest of it, the same in every process, so that a restarted daemon
/// finds its flows again.
[[nodiscard]] Ufid ufid_of(FlowMatch const& match);

} // namespace weave::datapath::odp
