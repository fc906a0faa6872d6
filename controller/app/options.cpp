#include "controller/app/options.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include <fmt/format.h>

#include "controller/app/flags.hpp"
#include "gossip/target_address.hpp"

namespace weave::controller {
namespace {

constexpr std::string_view kDefaultRange = "10.32.0.0/12";

std::unexpected<EarlyExit> misuse(std::string_view text) {
  return std::unexpected{EarlyExit{
      .stream = EarlyExit::Stream::error, .text = fmt::format("{}\nSee 'weaver --help'.\n", text), .code = 125}};
}

std::unexpected<EarlyExit> fatal(std::string text) {
  return std::unexpected{EarlyExit{.stream = EarlyExit::Stream::log, .text = std::move(text), .code = 1}};
}

std::unexpected<EarlyExit> printed(std::string text) {
  return std::unexpected{EarlyExit{.stream = EarlyExit::Stream::output, .text = std::move(text), .code = 0}};
}

std::string help_text() {
  std::string text = "Usage: weaver [OPTION]... [PEER]...\n\nOptions:\n";
  for (auto const& flag : flags()) {
    if (flag.apply == nullptr) continue;
    auto const name = flag.kind == Flag::Kind::value ? fmt::format("{}=…", flag.name) : std::string{flag.name};
    auto const fallback =
        flag.fallback.empty() || flag.fallback == "false" ? std::string{} : fmt::format(" ({})", flag.fallback);
    text += fmt::format("  {:<26}{}{}\n", name, flag.help, fallback);
  }
  return text;
}

bool is_tolerated(Flag const& flag, std::string_view value) {
  auto rest = flag.tolerated;
  while (!rest.empty()) {
    auto const word = rest.substr(0, rest.find(' '));
    if (word == value) return true;
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  return value.empty();
}

/// Reads the command line front to back into the options.
class Parser {
 public:
  Parser(std::span<std::string const> arguments, Options& options) : rest_{arguments}, options_{options} {}

  std::expected<void, EarlyExit> run() {
    while (!rest_.empty()) {
      std::string_view const word = take();
      if (word == "--") {
        options_.peers.insert(options_.peers.end(), rest_.begin(), rest_.end());
        return {};
      }
      if (word.size() < 2 || word[0] != '-') {
        options_.peers.emplace_back(word);
      } else if (auto const done = flag(word); !done) {
        return done;
      }
    }
    return {};
  }

 private:
  std::string_view take() {
    std::string_view const word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }

  std::expected<void, EarlyExit> flag(std::string_view word) {
    auto const equals = word.find('=');
    auto const name = word.substr(0, equals);
    auto const found = std::ranges::find(flags(), name, &Flag::name);
    if (found == flags().end()) return misuse(fmt::format("flag provided but not defined: {}", name));
    std::string_view value = "true";
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (found->kind == Flag::Kind::value) {
      if (rest_.empty()) return misuse(fmt::format("flag needs an argument: {}", name));
      value = take();
    }
    return apply(*found, value);
  }

  std::expected<void, EarlyExit> apply(Flag const& flag, std::string_view value) {
    auto const expected = flag.expected.empty() ? std::string{} : fmt::format("{} is expected", flag.expected);
    auto const invalid = [&](std::string_view why) {
      auto const& text = expected.empty() ? std::string{why} : expected;
      return misuse(fmt::format("invalid value \"{}\" for flag {}: {}", value, flag.name, text));
    };
    if (flag.kind == Flag::Kind::boolean) {
      auto const on = parse_boolean(value);
      if (!on) return invalid(on.error().text());
      value = *on ? "true" : "false";
      if (*on && flag.name == "--help") return printed(help_text());
      if (*on && flag.name == "--version") return printed(fmt::format("weave {}\n", WEAVE_VERSION));
    }
    bool const secret = flag.name == "--password" || flag.name == "--token";
    options_.given[std::string{flag.name.substr(flag.name.find_first_not_of('-'))}] = secret ? "<redacted>" : value;
    if (flag.apply == nullptr) {
      if (is_tolerated(flag, value)) return {};
      return misuse(fmt::format("option {} is not supported: {}", flag.name, flag.expected));
    }
    auto const applied = flag.apply(options_, value);
    if (applied) return {};
    if (applied.error().kind() == ErrorKind::refused) {
      auto const& text = applied.error().text();
      return fatal(expected.empty() ? text : fmt::format("{} ({}: {})", text, flag.name, expected));
    }
    return invalid(applied.error().text());
  }

  std::span<std::string const> rest_;
  Options& options_;
};

/// Docker's swarm gives names and addresses, and asks no other socket.
void become_managed_plugin(Options& options) {
  options.plugin = true;
  options.plugin_mesh_socket.clear();
  options.docker_api.clear();
  options.dns = false;
  options.no_multicast_route = !options.plugin_v2_multicast;
}

/// What no single flag can know. The text is the fatal log line.
std::optional<std::string> contradiction(Options const& options) {
  if (options.resume && !options.peers.empty()) {
    return "You must not specify an initial peer list in conjunction with --resume";
  }
  for (auto const& peer : options.peers) {
    if (auto const target = gossip::TargetAddress::parse(peer); !target) {
      return fmt::format("{} (a host to connect to is <host> or <host>:<port>)", target.error().text());
    }
  }
  if (options.min_protocol_version < 1 || options.min_protocol_version > 2) {
    return fmt::format("--min-protocol-version must be in range [1,2], not {}", options.min_protocol_version);
  }
  if (options.password && !options.password_file.empty()) {
    return "the password is given twice: by --password-file, and by --password or WEAVE_PASSWORD";
  }
  if (options.require_encryption && !options.password && options.password_file.empty()) {
    return "--require-encryption needs a password: give it by --password-file or WEAVE_PASSWORD";
  }
  if (!options.ipalloc_range) {
    if (options.ipalloc_default_subnet) return "--ipalloc-default-subnet specified without --ipalloc-range.";
    auto const init = options.given.find("ipalloc-init");
    if (init != options.given.end() && !init->second.empty()) {
      return "--ipalloc-init specified without --ipalloc-range.";
    }
    return std::nullopt;
  }
  if (auto const subnet = Ipv4Cidr::parse_subnet(options.ipalloc_range->to_string()); !subnet) {
    return fmt::format("{} (--ipalloc-range: all bits after the prefix must be zero, and 4 addresses or more be in it)",
                       subnet.error().text());
  }
  if (auto const& subnet = options.ipalloc_default_subnet) {
    if (!subnet->range().overlaps(options.ipalloc_range->range())) {
      return fmt::format("IP address allocation default subnet {} does not overlap with allocation range {}",
                         subnet->to_string(), options.ipalloc_range->to_string());
    }
  }
  return std::nullopt;
}

} // namespace

Environment Environment::of_process() {
  std::array<char, 256> hostname{};
  if (::gethostname(hostname.data(), hostname.size() - 1) != 0) hostname[0] = '\0';
  return {.variable = [](std::string const& name) -> std::optional<std::string> {
            auto const* value = std::getenv(name.c_str());
            return value != nullptr ? std::optional<std::string>{value} : std::nullopt;
          },
          .hostname = hostname.data()};
}

std::expected<Options, EarlyExit> parse_options(std::span<std::string const> arguments,
                                                Environment const& environment) {
  auto const variable = [&](char const* name, std::string fallback) {
    auto value = environment.variable(name);
    return value && !value->empty() ? *std::move(value) : std::move(fallback);
  };
  Options options;
  options.nickname = environment.hostname;
  options.ipalloc_range = *Ipv4Cidr::parse(kDefaultRange);
  options.run_dir = variable("WEAVE_RUN_DIR", options.run_dir);
  options.state_dir = variable("WEAVE_STATE_DIR", options.state_dir);
  options.import_file = variable("WEAVE_IMPORT", options.import_file);
  options.docker_api = variable("DOCKER_HOST", "unix:///var/run/docker.sock");
  options.docker_bridge = variable("DOCKER_BRIDGE", options.docker_bridge);
  if (auto const parsed = Parser{arguments, options}.run(); !parsed) return std::unexpected{parsed.error()};
  if (options.cleanup || options.print_peer_name) return options;
  if (options.plugin_reach == PluginReach::swarm) become_managed_plugin(options);
  if (auto password = variable("WEAVE_PASSWORD", {}); !options.password && !password.empty()) {
    options.password = std::make_shared<Secret const>(Secret::of(password));
    ::explicit_bzero(password.data(), password.size());
  }
  if (auto text = contradiction(options)) return fatal(*std::move(text));
  return options;
}

std::string options_line(Options const& options) {
  std::string text;
  for (auto const& [name, value] : options.given) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", name, value);
  }
  return fmt::format("Command line options: map[{}]", text);
}

void hide_password(std::span<char*> arguments) {
  constexpr std::string_view kFlag = "--password";
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    std::string_view const word{arguments[at]};
    if (word == kFlag && at + 1 < arguments.size()) {
      ++at;
      std::memset(arguments[at], 'x', std::strlen(arguments[at]));
    } else if (word.starts_with(kFlag) && word.substr(kFlag.size()).starts_with('=')) {
      std::memset(arguments[at] + kFlag.size() + 1, 'x', word.size() - kFlag.size() - 1);
    }
  }
}

} // namespace weave::controller
