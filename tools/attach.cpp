#include <fmt/format.h>

#include "tools/address_words.hpp"
#include "tools/container_words.hpp"
#include "tools/daemon_answer.hpp"

namespace weave::tools {
namespace {

int plug(AttachWords const& words, Container const& container, std::vector<Ipv4Cidr> const& cidrs, Invocation& call) {
  ApiClient::Parameters parameters;
  for (auto const& cidr : cidrs) parameters.emplace_back("address", cidr.to_string());
  if (words.no_multicast_route) parameters.emplace_back("multicast-route", "false");
  if (words.rewrite_hosts) parameters.emplace_back("rewrite-hosts", "true");
  if (words.without_dns) parameters.emplace_back("without-name", "true");
  for (auto const& host : words.extra_hosts) parameters.emplace_back("add-host", host);
  auto const answer = ask_daemon(call.settings, [&](ApiClient const& client) {
    return client.put(interface_target(container), parameters, kAnswerTime);
  });
  return conclude(answer, call, "the use of Docker");
}

} // namespace

int run_attach(Invocation& call) {
  bool const json = call.take_flag("--json");
  auto const words = parse_attach_words(call.words);
  if (!words) return explain_misuse(words.error(), call);
  if (!words->extra_hosts.empty() && !words->rewrite_hosts) {
    call.err << "--add-host has no effect without --rewrite-hosts\n";
  }
  auto const container = find_running(call, words->container);
  if (container.end) return *container.end;
  auto const addresses = obtain_addresses(call, container.id, words->addresses, true);
  if (addresses.end) return *addresses.end;
  if (auto const code = plug(*words, container, addresses.cidrs, call); code != 0) return code;
  if (!words->without_dns && !container.fqdn.empty()) {
    auto const code = register_name(call, container.id, addresses.cidrs, container.fqdn, true);
    if (code != 0) return code;
  }
  print_addresses(call, addresses.cidrs, json);
  return 0;
}

} // namespace weave::tools
