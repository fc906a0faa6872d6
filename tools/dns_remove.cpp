#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/api/messages.hpp"
#include "controller/dns/name_text.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/dns_names.hpp"

namespace weave::tools {
namespace {

namespace dns = controller::dns;

int remove_one(std::string target, std::optional<std::string> const& fqdn, Invocation& call) {
  if (fqdn) target += "?fqdn=" + controller::api::path_part(*fqdn);
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.remove(target, kAnswerTime); });
  return conclude(answer, call, "the name service") == 0 ? 0 : 1;
}

/// Of the whole mesh, whatever the spelling; none if the daemon does not say.
std::vector<controller::api::DnsEntryStatus> entries_of(std::string const& id, std::string const& fqdn,
                                                        Invocation& call) {
  auto const answer = ask_daemon(call.settings, [](ApiClient const& client) { return client.names(kAnswerTime); });
  if (!answer || !answer->ok()) return {};
  auto entries = controller::api::parse_names(answer->body);
  if (!entries) return {};
  std::erase_if(*entries, [&, wanted = dns::qualified(dns::lower_case(fqdn))](auto const& entry) {
    return entry.container_id != id || dns::lower_case(entry.hostname) != wanted;
  });
  return *std::move(entries);
}

/// The daemon compares with case; people need not.
std::set<std::optional<std::string>> spellings(std::string const& id, std::string const& fqdn, Invocation& call) {
  std::set<std::optional<std::string>> found{fqdn};
  for (auto const& entry : entries_of(id, fqdn, call)) found.insert(entry.hostname);
  return found;
}

/// Only the host that has registered a name can take it back.
void tell_of_others(std::string const& id, NameWords const& words, Invocation& call) {
  std::set<std::string> origins;
  for (auto const& entry : entries_of(id, *words.fqdn, call)) {
    auto const is_meant =
        words.addresses.empty() || std::ranges::find(words.addresses, entry.address) != words.addresses.end();
    if (is_meant && entry.tombstone == 0) origins.insert(entry.origin.to_string());
  }
  if (origins.empty()) return;
  call.err << fmt::format("({} is still registered by peer {}: remove it on that host)\n", *words.fqdn,
                          fmt::join(origins, ", "));
}

} // namespace

int run_dns_remove(Invocation& call) {
  auto const words = parse_name_words(call.words);
  if (!words) return usage(call.err, 1);
  if (auto const answer = ask_domain(call); answer.end) return *answer.end;
  std::string id{kExternalNames};
  if (words->container) {
    auto const container = find_container(call.settings, *words->container);
    if (!container) {
      call.err << container.error().text() << "\n";
      return 1;
    }
    id = container->id;
  }
  std::set<std::optional<std::string>> names{std::nullopt};
  if (words->fqdn) names = spellings(id, *words->fqdn, call);
  auto const base = "/name/" + controller::api::path_part(id);
  std::vector<std::string> targets;
  for (auto const address : words->addresses) targets.push_back(base + "/" + address.to_string());
  if (targets.empty()) targets.push_back(base);
  for (auto const& target : targets) {
    for (auto const& name : names) {
      if (auto const code = remove_one(target, name, call); code != 0) return code;
    }
  }
  if (words->fqdn) tell_of_others(id, *words, call);
  return 0;
}

} // namespace weave::tools
