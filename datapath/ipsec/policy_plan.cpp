#include "datapath/ipsec/policy_plan.hpp"

#include <charconv>
#include <system_error>
#include <utility>

namespace weave::datapath::ipsec {
namespace {

constexpr std::uint32_t kOfPeer = 0;
constexpr std::uint32_t kOfAll = 1;

struct Verdict {
  bool may_be_clear = true;
  std::optional<Spi> sending = {};
};

} // namespace

std::map<PolicyId, Policy> wanted_policies(PolicyNeeds const& needs) {
  std::map<PolicyId, Policy> wanted;
  auto const want = [&](Policy const& policy) { wanted.insert_or_assign(policy.id, policy); };
  for (auto const port : needs.ports) {
    want({.id = {.direction = Direction::in, .source = {}, .destination = {}, .port = port},
          .treatment = Treatment::encrypted,
          .priority = kOfAll});
    for (auto const source : needs.sources) {
      want({.id = {.direction = Direction::out, .source = source, .destination = {}, .port = port},
            .treatment = Treatment::block,
            .priority = kOfAll});
    }
  }
  std::map<TunnelEndpoints, Verdict> verdicts;
  for (auto const& claim : needs.claims) {
    auto& verdict = verdicts[claim.ends];
    verdict.may_be_clear = verdict.may_be_clear && claim.may_be_clear;
    if (claim.sending) verdict.sending = claim.sending;
  }
  for (auto const& [ends, verdict] : verdicts) {
    PolicyId const out{
        .direction = Direction::out, .source = ends.local, .destination = ends.remote, .port = ends.udp_port};
    if (verdict.may_be_clear) {
      want({.id = out, .treatment = Treatment::may_be_clear, .priority = kOfPeer});
      want({.id = {.direction = Direction::in, .source = ends.remote, .destination = ends.local, .port = ends.udp_port},
            .treatment = Treatment::may_be_clear,
            .priority = kOfPeer});
    } else if (verdict.sending) {
      want({.id = out, .treatment = Treatment::encrypted, .spi = verdict.sending, .priority = kOfPeer});
    }
  }
  return wanted;
}

bool vxlan_tells_port(std::string_view kernel_release) {
  constexpr std::pair kFirst{4U, 14U};
  auto const* const end = kernel_release.data() + kernel_release.size();
  std::pair<unsigned, unsigned> version{};
  auto const major = std::from_chars(kernel_release.data(), end, version.first);
  if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return false;
  auto const minor = std::from_chars(major.ptr + 1, end, version.second);
  return minor.ec == std::errc{} && version >= kFirst;
}

} // namespace weave::datapath::ipsec
