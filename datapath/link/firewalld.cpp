#include "datapath/link/firewalld.hpp"

#include <sstream>
#include <vector>

#include <fmt/format.h>

namespace weave::datapath {
namespace {

using Words = std::vector<std::string>;

/// What firewall-cmd ends with when nobody answers it.
constexpr int kNotRunning = 252;

std::string line_of(CommandResult const& result) {
  auto const& text = result.errors.empty() ? result.output : result.errors;
  return text.substr(0, text.find('\n'));
}

class FirewalldSettings {
 public:
  FirewalldSettings(ConverseCommand const& converse, std::string program, Words first)
      : converse_{converse}, program_{std::move(program)}, first_{std::move(first)} {}

  [[nodiscard]] Result<CommandResult> run(Words const& words) const {
    Words command{program_};
    command.insert(command.end(), first_.begin(), first_.end());
    command.insert(command.end(), words.begin(), words.end());
    return converse_(command, {});
  }
  [[nodiscard]] Result<void> change(Words const& words) const {
    auto const result = run(words);
    if (!result) return failure_of(result);
    if (result->status == 0) return {};
    return failure(ErrorKind::system, fmt::format("{} {}: {}", program_, words.back(), line_of(*result)));
  }
  [[nodiscard]] Result<void> change_all(std::vector<Words> const& all) const {
    for (auto const& words : all) {
      if (auto const done = change(words); !done) return done;
    }
    return {};
  }
  /// Whether what is listed by `--get-zones` or `--get-policies` has the name; none: it knows no such thing.
  [[nodiscard]] Result<bool> has(std::string const& list, std::string_view name) const {
    auto const result = run({list});
    if (!result) return failure_of(result);
    if (result->status != 0) {
      auto const kind = result->status == kNotRunning ? ErrorKind::unavailable : ErrorKind::refused;
      return failure(kind, fmt::format("{} {}: {}", program_, list, line_of(*result)));
    }
    std::istringstream words{result->output};
    for (std::string word; words >> word;) {
      if (word == name) return true;
    }
    return false;
  }

 private:
  ConverseCommand const& converse_;
  std::string program_;
  Words first_;
};

std::string option(std::string_view name, std::string_view value) { return fmt::format("--{}={}", name, value); }

Result<void> make_zone(FirewalldSettings const& permanent) {
  return permanent.change_all(
      {{option("new-zone", kFirewalldZone)}, {option("zone", kFirewalldZone), "--set-target=ACCEPT"}});
}

Result<void> make_policy(FirewalldSettings const& permanent) {
  auto const policy = option("policy", kFirewalldPolicy);
  return permanent.change_all({{option("new-policy", kFirewalldPolicy)},
                               {policy, "--set-target=ACCEPT"},
                               {policy, "--add-ingress-zone=ANY"},
                               {policy, option("add-egress-zone", kFirewalldZone)}});
}

/// Gives whether there was anything.
Result<bool> remove_all(FirewalldSettings const& settings) {
  auto const zone = settings.has("--get-zones", kFirewalldZone);
  if (!zone) return failure_of(zone);
  // It refers to the zone.
  auto const policy = settings.has("--get-policies", kFirewalldPolicy).value_or(false);
  if (policy) {
    if (auto const done = settings.change({option("delete-policy", kFirewalldPolicy)}); !done) return failure_of(done);
  }
  if (*zone) {
    if (auto const done = settings.change({option("delete-zone", kFirewalldZone)}); !done) return failure_of(done);
  }
  return *zone || policy;
}

} // namespace

Result<void> join_firewalld(std::string const& bridge, ConverseCommand const& converse) {
  FirewalldSettings const now{converse, "firewall-cmd", {}};
  FirewalldSettings const permanent{converse, "firewall-cmd", {"--permanent"}};
  auto const zone = permanent.has("--get-zones", kFirewalldZone);
  if (!zone) return failure_of(zone);
  if (!*zone) {
    if (auto const made = make_zone(permanent); !made) return made;
  }
  auto const in_zone = option("zone", kFirewalldZone);
  if (auto const added = permanent.change({in_zone, option("add-interface", bridge)}); !added) return added;
  // firewalld before 0.9 has none, and is content without.
  auto const policy = permanent.has("--get-policies", kFirewalldPolicy).value_or(true);
  if (!policy) {
    if (auto const made = make_policy(permanent); !made) return made;
  }
  if (!*zone || !policy) return now.change({"--reload"});
  return now.change({in_zone, option("change-interface", bridge)});
}

Result<void> leave_firewalld(ConverseCommand const& converse) {
  auto const removed = remove_all({converse, "firewall-cmd", {"--permanent"}});
  if (removed) return *removed ? FirewalldSettings{converse, "firewall-cmd", {}}.change({"--reload"}) : Result<void>{};
  if (removed.error().kind() == ErrorKind::not_found) return {};
  // Nobody answers, or there is no bus to ask on: then its files are changed.
  auto const offline = remove_all({converse, "firewall-offline-cmd", {}});
  return offline || offline.error().kind() == ErrorKind::not_found ? Result<void>{} : failure_of(offline);
}

} // namespace weave::datapath
