#include <algorithm>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "tools/daemon_answer.hpp"

namespace weave::tools {
namespace {

/// Longer host names are refused by the kernel.
constexpr std::size_t kMaxHostname = 64;

struct DnsPlace {
  std::string address;
  std::string domain;
};

/// The values of the environment, else the daemon's. `end`: the exit status if there are none.
std::optional<std::string> value_of(Invocation& call, std::string_view variable, std::string const& target,
                                    std::optional<int>& end) {
  if (auto set = call.settings.non_empty(variable)) return set;
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.get(target, kAnswerTime); });
  if (answer && answer->ok()) return answer->body;
  auto const code = conclude(answer, call, "the name service");
  end = code == 4 ? 0 : code;
  return std::nullopt;
}

/// What a `docker run` says that bears on names.
struct RunOptions {
  std::string name;
  bool has_hostname = false;
  bool has_search = false;
  bool without_dns = false;
};

RunOptions run_options(std::vector<std::string> const& words) {
  RunOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto const& word = words[i];
    auto const has_value = i + 1 < words.size();
    if (word == "--name" && has_value) options.name = words[++i];
    if (word.starts_with("--name=")) options.name = word.substr(std::string_view{"--name="}.size());
    if (word == "--without-dns") options.without_dns = true;
    options.has_hostname |=
        word == "--hostname" || word.starts_with("--hostname=") || (word.starts_with("-h") && !word.starts_with("--"));
    options.has_search |= word == "--dns-search" || word.starts_with("--dns-search=");
  }
  return options;
}

/// What Weave 1.5 printed for the arguments of a `docker run`.
void print_for_run(Invocation& call, DnsPlace const& place) {
  auto const options = run_options(call.words);
  if (options.without_dns) return;
  auto text = fmt::format("--dns {}", place.address);
  auto domain = place.domain;
  if (domain.ends_with('.')) domain.pop_back();
  bool has_hostname = options.has_hostname;
  if (!options.name.empty() && !has_hostname) {
    auto const hostname = options.name + "." + domain;
    if (hostname.size() > kMaxHostname) {
      call.err << "Container name too long to be used as hostname\n";
    } else {
      text += " --hostname=" + hostname;
      has_hostname = true;
    }
  }
  if (!options.has_search) text += " --dns-search=" + (has_hostname ? "." : place.domain);
  call.out << text;
}

} // namespace

int run_dns_args(Invocation& call) {
  std::optional<int> end;
  auto const domain = value_of(call, "DNS_DOMAIN", "/domain", end);
  if (!domain) return *end;
  auto const address = value_of(call, "DNS_ADDRESS", "/dns-address", end);
  if (!address) return *end;
  if (call.words == std::vector<std::string>{"--json"}) {
    call.out << boost::json::serialize(boost::json::object{{"dns", *address}, {"search", *domain}}) << "\n";
  } else if (call.words.empty()) {
    call.out << fmt::format("--dns={} --dns-search={}", *address, *domain);
  } else {
    print_for_run(call, {.address = *address, .domain = *domain});
  }
  return 0;
}

} // namespace weave::tools
