#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/scheduler.hpp"
#include "datapath/bpf/forwarding_table.hpp"
#include "datapath/bpf/kernel_layout.h"
#include "datapath/bpf/kernel_programs.hpp"

namespace weave::datapath::bpf {

/// Counters of one peer, all processors together.
using Traffic = ::weave_traffic;

/// The kernel maps of one set of programs by meaning. Calls are a system call or a few each; one thread.
class KernelMaps final : public ForwardingMaps {
 public:
  /// `programs` must outlive this object.
  explicit KernelMaps(KernelPrograms const& programs) : programs_{programs} {}

  [[nodiscard]] Result<::weave_conf> configuration() const;
  [[nodiscard]] Result<void> write_configuration(::weave_conf const& conf);
  [[nodiscard]] Result<void> write_route(ShortId id, RouteEntry const& entry) override;
  [[nodiscard]] Result<void> write_neighbour(ShortId id, NeighbourEntry const& entry) override;
  [[nodiscard]] Result<void> write_head(ShortId source, std::uint16_t element) override;
  [[nodiscard]] Result<void> write_list(std::uint16_t element, ListElement const& list) override;
  [[nodiscard]] Result<void> write_probe(ShortId id, ::weave_probe const& probe);

  /// What is in the maps.
  [[nodiscard]] Result<InstalledTable> read_table() const;
  [[nodiscard]] Result<Traffic> traffic(ShortId id) const;
  [[nodiscard]] Result<std::array<std::uint64_t, WEAVE_EVENTS>> events() const;
  /// Successful writes since the start.
  [[nodiscard]] std::uint64_t writes() const { return writes_; }

 private:
  template <class Value>
  [[nodiscard]] Result<void> write(Map map, std::uint32_t index, Value const& value);
  template <class Value>
  [[nodiscard]] Result<Value> read(Map map, std::uint32_t index) const;
  [[nodiscard]] Result<void> read_list(InstalledTable& table, ShortId source, std::uint32_t head) const;
  /// A whole table by short id in one system call.
  template <class Value>
  [[nodiscard]] Result<std::vector<Value>> read_all(Map map) const;
  template <class Value>
  [[nodiscard]] Result<std::vector<Value>> read_processors(Map map, std::uint32_t index) const;

  KernelPrograms const& programs_;
  std::uint64_t writes_ = 0;
};

} // namespace weave::datapath::bpf
