#include "datapath/bpf/kernel_programs.hpp"

#include <algorithm>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <vxlan_programs.skel.h>

#include <fmt/format.h>

#include "datapath/bpf/kernel_layout.h"

namespace weave::datapath::bpf {

namespace {

constexpr char kConfName[] = "weave_conf";

/// What libbpf says while it works, for the text of an error.
thread_local std::string last_warning; // NOLINT: libbpf's callback takes no argument

/// The line before the last of the verifier's log: the objection. The last one is its statistics.
std::string_view objection(std::string_view log) {
  auto const end = log.rfind("\nprocessed ");
  if (end == std::string_view::npos) return {};
  log = log.substr(0, end);
  return log.substr(log.rfind('\n') + 1);
}

int keep_warning(libbpf_print_level level, char const* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  va_list again;
  va_copy(again, arguments);
  auto const size = static_cast<std::size_t>(std::max(std::vsnprintf(nullptr, 0, format, again), 0));
  va_end(again);
  std::string text(size + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, arguments);
  text.resize(size);
  if (auto const why = objection(text); !why.empty()) {
    last_warning = fmt::format("verifier: {}", why);
  } else if (last_warning.empty()) {
    // The first is the cause, the others are consequences.
    last_warning = text.substr(0, text.find('\n'));
  }
  return 0;
}

Error load_error(std::string_view what, int error) {
  auto const number = error < 0 ? -error : error;
  auto text = system_error(what, number).text();
  if (!last_warning.empty()) text += " (" + last_warning + ")";
  // EACCES is what the verifier says to a program that it does not like.
  bool const refused = number == EPERM || number == ENOSYS;
  return {refused ? ErrorKind::refused : ErrorKind::system, std::move(text)};
}

ErrorKind kind_of(int error) {
  if (error == ENOENT) return ErrorKind::not_found;
  return error == EPERM || error == EACCES ? ErrorKind::refused : ErrorKind::system;
}

Result<ProgramInfo> describe(int fd) {
  ProgramInfo program;
  program.maps.resize(64);
  bpf_prog_info info{};
  info.nr_map_ids = static_cast<std::uint32_t>(program.maps.size());
  info.map_ids = reinterpret_cast<std::uintptr_t>(program.maps.data());
  std::uint32_t size = sizeof info;
  if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
    return std::unexpected(system_error("describe BPF program", errno));
  program.id = info.id;
  program.name.assign(info.name, strnlen(info.name, sizeof info.name));
  std::memcpy(program.tag.data(), info.tag, program.tag.size());
  program.maps.resize(std::min<std::size_t>(info.nr_map_ids, program.maps.size()));
  std::ranges::sort(program.maps);
  return program;
}

std::optional<bpf_map_info> describe_map(int fd) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return std::nullopt;
  return info;
}

bool has_our_layout(int conf_fd) {
  auto const info = describe_map(conf_fd);
  if (!info || info->value_size != sizeof(::weave_conf)) return false;
  std::uint32_t const key = 0;
  ::weave_conf conf{};
  return ::bpf_map_lookup_elem(conf_fd, &key, &conf) == 0 && conf.layout == WEAVE_LAYOUT;
}

bool fits(bpf_map const* wanted, int fd) {
  auto const info = describe_map(fd);
  return info && info->type == bpf_map__type(wanted) && info->key_size == bpf_map__key_size(wanted) &&
         info->value_size == bpf_map__value_size(wanted) && info->max_entries == bpf_map__max_entries(wanted);
}

bpf_map* map_of(weave_vxlan const& skeleton, Map map) {
  switch (map) {
    case Map::conf: return skeleton.maps.weave_conf;
    case Map::routes: return skeleton.maps.weave_routes;
    case Map::neighbours: return skeleton.maps.weave_neigh;
    case Map::heads: return skeleton.maps.weave_heads;
    case Map::lists: return skeleton.maps.weave_lists;
    case Map::macs: return skeleton.maps.weave_macs;
    case Map::probes: return skeleton.maps.weave_probes;
    case Map::arrivals: return skeleton.maps.weave_arrivals;
    case Map::traffic: return skeleton.maps.weave_traffic;
    case Map::events: return skeleton.maps.weave_events;
  }
  return nullptr;
}

bpf_program* program_of(weave_vxlan const& skeleton, Program program, bool long_lists) {
  auto const& programs = skeleton.progs;
  switch (program) {
    case Program::egress: return long_lists ? programs.weave_egress : programs.weave_egress_s;
    case Program::ingress: return long_lists ? programs.weave_ingress : programs.weave_ingress_s;
    case Program::user: return programs.weave_user;
  }
  return nullptr;
}

} // namespace

Result<ProgramInfo> find_program(std::uint32_t id) {
  UniqueFd const fd{::bpf_prog_get_fd_by_id(id)};
  if (!fd) return failure(kind_of(errno), system_error(fmt::format("open BPF program {}", id), errno).text());
  return describe(fd.get());
}

MapSet open_maps(ProgramInfo const& program) {
  MapSet maps;
  for (auto const id : program.maps) {
    UniqueFd fd{::bpf_map_get_fd_by_id(id)};
    if (!fd) continue;
    if (auto const info = describe_map(fd.get())) {
      maps.emplace(std::string{info->name, strnlen(info->name, sizeof info->name)}, std::move(fd));
    }
  }
  return maps;
}

void KernelPrograms::Free::operator()(weave_vxlan* skeleton) const { weave_vxlan__destroy(skeleton); }

bool KernelPrograms::can_adopt(MapSet const& maps) {
  ::libbpf_set_print(keep_warning);
  auto const conf = maps.find(kConfName);
  if (conf == maps.end() || !has_our_layout(conf->second.get())) return false;
  std::unique_ptr<weave_vxlan, Free> const skeleton{weave_vxlan__open()};
  if (!skeleton) return false;
  return std::ranges::all_of(maps, [&](auto const& item) {
    auto const* const wanted = bpf_object__find_map_by_name(skeleton->obj, item.first.c_str());
    return wanted != nullptr && fits(wanted, item.second.get());
  });
}

Result<KernelPrograms> KernelPrograms::load(MapSet const& adopted) {
  ::libbpf_set_print(keep_warning);
  auto loaded = load_variant(adopted, true);
  if (loaded || loaded.error().kind() == ErrorKind::refused) return loaded;
  return load_variant(adopted, false);
}

Result<KernelPrograms> KernelPrograms::load_variant(MapSet const& adopted, bool long_lists) {
  last_warning.clear();
  KernelPrograms loaded{weave_vxlan__open(), long_lists};
  if (!loaded.skeleton_) return std::unexpected(load_error("open BPF programs", errno));
  for (auto const& [name, fd] : adopted) {
    auto* const map = bpf_object__find_map_by_name(loaded.skeleton_->obj, name.c_str());
    int const taken = map == nullptr ? -ENOENT : bpf_map__reuse_fd(map, fd.get());
    if (taken != 0) return std::unexpected(load_error("adopt BPF map " + name, taken));
  }
  for (auto const program : {Program::egress, Program::ingress}) {
    bpf_program__set_autoload(program_of(*loaded.skeleton_, program, !long_lists), false);
  }
  if (int const error = weave_vxlan__load(loaded.skeleton_.get()); error != 0) {
    return std::unexpected(load_error("load BPF programs", error));
  }
  if (auto const identified = loaded.identify(); !identified) return failure_of(identified);
  return loaded;
}

Result<void> KernelPrograms::identify() {
  for (auto const program : {Program::egress, Program::ingress, Program::user}) {
    auto described = describe(fd(program));
    if (!described) return failure_of(described);
    map_ids_.insert(map_ids_.end(), described->maps.begin(), described->maps.end());
    infos_[static_cast<std::size_t>(program)] = std::move(*described);
  }
  std::ranges::sort(map_ids_);
  return {};
}

int KernelPrograms::fd(Program program) const { return bpf_program__fd(program_of(*skeleton_, program, long_lists_)); }

std::size_t KernelPrograms::longest_list() const {
  return long_lists_ ? std::size_t{WEAVE_LIST_IDS} * WEAVE_LIST_CHAIN : WEAVE_LIST_IDS;
}

int KernelPrograms::fd(Map map) const { return bpf_map__fd(map_of(*skeleton_, map)); }

ProgramInfo const& KernelPrograms::info(Program program) const { return infos_[static_cast<std::size_t>(program)]; }

bool KernelPrograms::is_same(Program program, ProgramInfo const& attached) const {
  return attached.tag == info(program).tag && attached.maps == info(program).maps;
}

} // namespace weave::datapath::bpf
