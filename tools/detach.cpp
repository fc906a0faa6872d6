#include "tools/address_words.hpp"
#include "tools/container_words.hpp"
#include "tools/daemon_answer.hpp"

namespace weave::tools {
namespace {

int unplug(Container const& container, std::vector<Ipv4Cidr> const& cidrs, Invocation& call) {
  auto target = interface_target(container);
  for (auto const& cidr : cidrs) {
    target += target.contains('?') ? "&address=" : "?address=";
    target += controller::api::path_part(cidr.to_string());
  }
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.remove(target, kAnswerTime); });
  return conclude(answer, call, "the use of Docker");
}

} // namespace

int run_detach(Invocation& call) {
  bool const json = call.take_flag("--json");
  auto const words = parse_detach_words(call.words);
  if (!words) return explain_misuse(words.error(), call);
  auto const container = find_running(call, words->container);
  if (container.end) return *container.end;
  auto const addresses = look_up_addresses(call, container.id, words->addresses);
  if (addresses.end) return *addresses.end;
  if (!addresses.cidrs.empty()) {
    if (auto const code = unplug(container, addresses.cidrs, call); code != 0) return code;
    if (auto const code = give_up_addresses(call, container.id, addresses.cidrs); code != 0) return code;
  }
  print_addresses(call, addresses.cidrs, json);
  return 0;
}

} // namespace weave::tools
