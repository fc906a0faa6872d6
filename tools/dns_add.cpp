#include <fmt/format.h>

#include "controller/dns/name_text.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/dns_names.hpp"

namespace weave::tools {
namespace {

/// Whose name it is, where it points to, and what it is.
struct Registration {
  std::string id{kExternalNames};
  std::vector<Ipv4Address> addresses;
  std::string fqdn;
  bool is_container = false;
};

Result<Registration> registration_of(NameWords const& words, Settings const& settings) {
  Registration registration{.addresses = words.addresses, .fqdn = words.fqdn.value_or("")};
  if (!words.container) return registration;
  auto const container = find_container(settings, *words.container);
  if (!container) return failure_of(container);
  if (!container->running) {
    return failure(ErrorKind::refused, fmt::format("container {} not running", *words.container));
  }
  registration.id = container->id;
  registration.is_container = true;
  if (!words.fqdn) registration.fqdn = container->fqdn;
  if (registration.addresses.empty()) registration.addresses = container->addresses;
  if (registration.addresses.empty()) {
    return failure(ErrorKind::not_found, fmt::format("container {} has no weave address", *words.container));
  }
  return registration;
}

int register_all(Registration const& registration, Invocation& call) {
  ApiClient::Parameters parameters{{"fqdn", registration.fqdn}};
  if (registration.is_container) parameters.emplace_back("check-alive", "true");
  for (auto const address : registration.addresses) {
    auto const target = fmt::format("/name/{}/{}", controller::api::path_part(registration.id), address.to_string());
    auto const answer =
        ask_daemon(call.settings, [&](ApiClient const& client) { return client.put(target, parameters, kAnswerTime); });
    if (auto const code = conclude(answer, call, "the name service"); code != 0) return 1;
  }
  return 0;
}

} // namespace

int run_dns_add(Invocation& call) {
  auto const words = parse_name_words(call.words);
  if (!words) return usage(call.err, 1);
  auto const answer = ask_domain(call);
  if (answer.end) return *answer.end;
  auto const registration = registration_of(*words, call.settings);
  if (!registration) {
    call.err << registration.error().text() << "\n";
    return 1;
  }
  if (registration->fqdn.empty()) {
    call.err << fmt::format("(the host name of container {} has no domain: give a name with -h)\n", *words->container);
    return 0;
  }
  if (!controller::dns::is_registrable(controller::dns::qualified(registration->fqdn))) {
    call.err << fmt::format("{} is not a name that DNS can hold\n", registration->fqdn);
    return 1;
  }
  if (!controller::dns::is_inside(registration->fqdn, answer.domain)) {
    call.err << fmt::format("({} is not in the domain {} and was ignored)\n", registration->fqdn, answer.domain);
    return 0;
  }
  return register_all(*registration, call);
}

} // namespace weave::tools
