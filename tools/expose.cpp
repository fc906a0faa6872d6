#include <fmt/format.h>

#include "controller/dns/name_text.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/expose_words.hpp"

namespace weave::tools {
namespace {

int put_on_bridge(Ipv4Cidr const& cidr, bool masquerade, Invocation& call) {
  ApiClient::Parameters parameters;
  if (!masquerade) parameters.emplace_back("skipNAT", "true");
  auto const answer = ask_daemon(call.settings, [&](ApiClient const& client) {
    return client.post("/expose/" + cidr.to_string(), parameters, kAnswerTime);
  });
  return conclude(answer, call, "expose");
}

int name_exposed(std::string const& fqdn, std::vector<Ipv4Cidr> const& cidrs, Invocation& call) {
  auto const domain =
      ask_daemon(call.settings, [](ApiClient const& client) { return client.get("/domain", kAnswerTime); });
  if (!domain || !domain->ok()) {
    auto const code = conclude(domain, call, "the name service");
    return code == 4 ? 0 : code;
  }
  if (!controller::dns::is_inside(fqdn, domain->body)) {
    call.err << fmt::format("({} is not in the domain {} and was ignored)\n", fqdn, domain->body);
    return 0;
  }
  return register_name(call, std::string{kExposedId}, cidrs, fqdn, false);
}

} // namespace

int run_expose(Invocation& call) {
  bool const json = call.take_flag("--json");
  auto const words = parse_expose_words(call.words);
  if (!words) return explain_misuse(words.error(), call);
  if (words->fqdn && !controller::dns::is_registrable(controller::dns::qualified(*words->fqdn))) {
    call.err << fmt::format("{} is not a name that DNS can hold\n", *words->fqdn);
    return 1;
  }
  auto const addresses = obtain_addresses(call, std::string{kExposedId}, words->addresses, false);
  if (addresses.end) return *addresses.end;
  for (auto const& cidr : addresses.cidrs) {
    if (auto const code = put_on_bridge(cidr, !words->without_masquerade, call); code != 0) return code;
  }
  if (words->fqdn) {
    if (auto const code = name_exposed(*words->fqdn, addresses.cidrs, call); code != 0) return code;
  }
  print_addresses(call, addresses.cidrs, json);
  return 0;
}

int run_hide(Invocation& call) {
  bool const json = call.take_flag("--json");
  auto words = call.words;
  auto const wanted = take_address_words(words);
  if (!wanted) return explain_misuse(wanted.error(), call);
  if (!words.empty()) return explain_misuse(leftover_words(words), call);
  auto const addresses = look_up_addresses(call, std::string{kExposedId}, *wanted);
  if (addresses.end) return *addresses.end;
  for (auto const& cidr : addresses.cidrs) {
    auto const answer = ask_daemon(call.settings, [&](ApiClient const& client) {
      return client.remove("/expose/" + cidr.to_string(), kAnswerTime);
    });
    if (auto const code = conclude(answer, call, "expose"); code != 0) return code;
  }
  if (auto const code = give_up_addresses(call, std::string{kExposedId}, addresses.cidrs); code != 0) return code;
  print_addresses(call, addresses.cidrs, json);
  return 0;
}

} // namespace weave::tools
