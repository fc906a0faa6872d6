#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

struct weave_vxlan;

namespace weave::datapath::bpf {

enum class Program : std::uint8_t {
  egress,  ///< of VXLAN devices
  ingress, ///< of VXLAN devices
  user     ///< ingress of the user port
};

enum class Map : std::uint8_t { conf, routes, neighbours, heads, lists, macs, probes, arrivals, traffic, events };
inline constexpr std::size_t kMaps = 10;

/// A program that is in the kernel.
struct ProgramInfo {
  std::uint32_t id = 0;
  std::string name;
  /// Digest of its instructions.
  std::array<std::uint8_t, 8> tag{};
  std::vector<std::uint32_t> maps;
};

/// refused without the right to look at it, not_found when it is gone.
[[nodiscard]] Result<ProgramInfo> find_program(std::uint32_t id);

/// Maps by name.
using MapSet = std::map<std::string, UniqueFd>;
/// Those of the program that can be opened.
[[nodiscard]] MapSet open_maps(ProgramInfo const& program);

/// Our programs and maps, loaded; they stay in the kernel as long as this object or a filter holds them. Movable.
class KernelPrograms {
 public:
  /// Loads them. Maps of `adopted` take the place of fresh ones, provided that can_adopt() said so. refused without
  /// permission, else system with the verifier's or libbpf's words.
  [[nodiscard]] static Result<KernelPrograms> load(MapSet const& adopted = {});
  /// Whether maps have the layout that our programs expect.
  [[nodiscard]] static bool can_adopt(MapSet const& maps);

  [[nodiscard]] int fd(Program program) const;
  [[nodiscard]] int fd(Map map) const;
  /// How many neighbours a flood reaches: on kernels that let programs call back (5.17 with JIT) as many as there are
  /// short ids, else 128.
  [[nodiscard]] std::size_t longest_list() const;
  /// Identity of a loaded program.
  [[nodiscard]] ProgramInfo const& info(Program program) const;
  /// Whether `attached` does the same as ours with the same maps, so that replacing it changes nothing.
  [[nodiscard]] bool is_same(Program program, ProgramInfo const& attached) const;

 private:
  struct Free {
    void operator()(weave_vxlan* skeleton) const;
  };
  KernelPrograms(weave_vxlan* skeleton, bool long_lists) : skeleton_{skeleton}, long_lists_{long_lists} {}
  [[nodiscard]] static Result<KernelPrograms> load_variant(MapSet const& adopted, bool long_lists);
  [[nodiscard]] Result<void> identify();

  std::unique_ptr<weave_vxlan, Free> skeleton_;
  bool long_lists_;
  std::array<ProgramInfo, 3> infos_;
  std::vector<std::uint32_t> map_ids_;
};

} // namespace weave::datapath::bpf
