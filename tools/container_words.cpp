#include "tools/container_words.hpp"

#include <utility>

#include <fmt/format.h>

#include "tools/daemon_answer.hpp"

namespace weave::tools {
namespace {

constexpr std::string_view kAddHost = "--add-host";

std::unexpected<Error> misuse() { return failure(ErrorKind::malformed, {}); }

bool take(std::vector<std::string>& words, std::string_view flag) { return std::erase(words, flag) != 0; }

/// `--add-host name:ip` and `--add-host=name:ip`.
Result<std::vector<std::string>> take_extra_hosts(std::vector<std::string>& words) {
  std::vector<std::string> hosts;
  std::vector<std::string> others;
  auto const assignment = fmt::format("{}=", kAddHost);
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (word->starts_with(assignment)) {
      hosts.push_back(word->substr(assignment.size()));
    } else if (*word == kAddHost) {
      if (++word == words.end()) return misuse();
      hosts.push_back(*word);
    } else {
      others.push_back(*word);
    }
  }
  words = std::move(others);
  return hosts;
}

} // namespace

Result<AttachWords> parse_detach_words(std::vector<std::string> words) {
  auto addresses = take_address_words(words);
  if (!addresses) return failure_of(addresses);
  if (words.size() != 1) return std::unexpected{leftover_words(words)};
  if (words[0].empty() || words[0].starts_with('-')) return misuse();
  AttachWords parsed;
  parsed.addresses = *std::move(addresses);
  parsed.container = words[0];
  return parsed;
}

Result<AttachWords> parse_attach_words(std::vector<std::string> words) {
  auto hosts = take_extra_hosts(words);
  if (!hosts) return failure_of(hosts);
  auto const without_dns = take(words, "--without-dns");
  auto const rewrite_hosts = take(words, "--rewrite-hosts");
  auto const no_multicast_route = take(words, "--no-multicast-route");
  auto parsed = parse_detach_words(std::move(words));
  if (!parsed) return parsed;
  parsed->without_dns = without_dns;
  parsed->rewrite_hosts = rewrite_hosts;
  parsed->no_multicast_route = no_multicast_route;
  parsed->extra_hosts = *std::move(hosts);
  return parsed;
}

int explain_misuse(Error const& error, Invocation& call) {
  if (error.text().empty()) return usage(call.err, 1);
  call.err << error.text() << "\n";
  return 1;
}

Container find_running(Invocation& call, std::string const& container) {
  auto const target = "/container/" + controller::api::path_part(container);
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.get(target, kAnswerTime); });
  if (!answer || !answer->ok()) return {.end = conclude(answer, call, "the use of Docker")};
  auto const blank = answer->body.find(' ');
  return {.id = answer->body.substr(0, blank),
          .fqdn = blank == std::string::npos ? std::string{} : answer->body.substr(blank + 1)};
}

std::string interface_target(Container const& container) {
  return fmt::format("/container/{}/interface", controller::api::path_part(container.id));
}

} // namespace weave::tools
