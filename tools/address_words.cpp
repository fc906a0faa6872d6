#include "tools/address_words.hpp"

#include <algorithm>
#include <regex>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "datapath/link/addresses.hpp"
#include "datapath/link/links.hpp"
#include "datapath/link/route_socket.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/launch_plan.hpp"

namespace weave::tools {
namespace {

constexpr int kNotFound = 404;
constexpr int kBadRequest = 400;

using Kind = AddressWord::Kind;

bool has_cidr_shape(std::string const& text) {
  static std::regex const shape{R"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/\d{1,2})"};
  return std::regex_match(text, shape);
}

std::string invalid_address(std::string_view word) {
  return fmt::format("invalid address '{}': net:default, net:<cidr>, ip:<cidr> or <cidr> is needed{}", word,
                     word.contains("::") ? ", of IPv4" : "");
}

std::optional<AddressWord> parse_word(std::string const& word) {
  if (word == "net:default") return AddressWord{};
  auto const is_subnet = word.starts_with("net:");
  auto const text = word.substr(is_subnet ? 4 : word.starts_with("ip:") ? 3 : 0);
  if (!has_cidr_shape(text)) return std::nullopt;
  return AddressWord{.kind = is_subnet ? Kind::subnet : Kind::exact, .cidr = text};
}

std::string target_of(std::string const& id, AddressWord const& word) {
  auto target = "/ip/" + controller::api::path_part(id);
  if (!word.cidr.empty()) target += "/" + word.cidr;
  return target;
}

std::optional<int> allocation_is_off(Invocation& call) {
  call.err << "IP address allocation must be enabled to use 'net:'\n";
  return 1;
}

/// What the daemon printed, as a list of CIDRs with blanks between.
Result<std::vector<Ipv4Cidr>> parse_cidrs(std::string_view text) {
  std::vector<Ipv4Cidr> cidrs;
  while (!text.empty()) {
    auto const item = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) continue;
    auto const cidr = Ipv4Cidr::parse(item);
    if (!cidr) return failure_of(cidr);
    cidrs.push_back(*cidr);
  }
  return cidrs;
}

/// Appends what the answer lists. What keeps us from going on is explained, and is the result.
std::optional<int> take_answer(Invocation& call, Result<Answer> const& answer, std::vector<Ipv4Cidr>& cidrs) {
  if (answer && answer->status == kNotFound) return allocation_is_off(call);
  if (!answer || !answer->ok()) return conclude(answer, call, "address allocation");
  auto const parsed = parse_cidrs(answer->body);
  if (!parsed) {
    call.err << parsed.error().text() << "\n";
    return 1;
  }
  cidrs.insert(cidrs.end(), parsed->begin(), parsed->end());
  return std::nullopt;
}

/// An exact address as given; an explained exit status if it is none.
std::optional<int> take_exact(Invocation& call, AddressWord const& word, std::vector<Ipv4Cidr>& cidrs) {
  auto const cidr = Ipv4Cidr::parse(word.cidr);
  if (!cidr) {
    call.err << cidr.error().text() << "\n";
    return 1;
  }
  cidrs.push_back(*cidr);
  return std::nullopt;
}

std::optional<int> obtain_one(Invocation& call, std::string const& id, AddressWord const& word, bool check_alive,
                              std::vector<Ipv4Cidr>& cidrs) {
  ApiClient::Parameters parameters;
  if (check_alive) parameters.emplace_back("check-alive", "true");
  auto const target = target_of(id, word);
  if (word.kind != Kind::exact) {
    auto const answer = ask_daemon(
        call.settings, [&](ApiClient const& client) { return client.post(target, parameters, kWithoutLimit); });
    return take_answer(call, answer, cidrs);
  }
  if (auto const end = take_exact(call, word, cidrs)) return end;
  auto const warning = overlap_warning(cidrs.back(), overlay_bridge(call.settings));
  if (warning) call.err << *warning << "\n";
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.put(target, parameters, kWithoutLimit); });
  if (answer && (answer->ok() || answer->status == kNotFound)) return std::nullopt;
  return conclude(answer, call, "address allocation");
}

std::optional<int> look_up_one(Invocation& call, std::string const& id, AddressWord const& word,
                               std::vector<Ipv4Cidr>& cidrs) {
  if (word.kind == Kind::exact) return take_exact(call, word, cidrs);
  auto const answer =
      ask_daemon(call.settings, [&](ApiClient const& client) { return client.get(target_of(id, word), kAnswerTime); });
  return take_answer(call, answer, cidrs);
}

bool contains(Ipv4Cidr const& network, Ipv4Address address) {
  return (address.value() & network.mask()) == network.network().address.value();
}

} // namespace

Result<std::vector<AddressWord>> take_address_words(std::vector<std::string>& words) {
  std::vector<AddressWord> taken;
  auto at = words.begin();
  for (; at != words.end(); ++at) {
    auto const word = parse_word(*at);
    if (!word && (at->starts_with("net:") || at->starts_with("ip:"))) {
      return failure(ErrorKind::malformed, invalid_address(*at));
    }
    if (!word) break;
    taken.push_back(*word);
  }
  words.erase(words.begin(), at);
  if (taken.empty()) taken.emplace_back();
  return taken;
}

Error leftover_words(std::vector<std::string> const& words) {
  for (auto const& word : words) {
    if (Ipv4Address::parse(word)) {
      return {ErrorKind::malformed,
              fmt::format("invalid address '{0}': its prefix length is missing, as in {0}/24", word)};
    }
    if (parse_word(word)) {
      return {ErrorKind::malformed, fmt::format("address '{}' must stand in front of all that is none", word)};
    }
    // Nothing else has it in its name.
    if (word.contains('/')) return {ErrorKind::malformed, invalid_address(word)};
  }
  return {ErrorKind::malformed, {}};
}

Addresses obtain_addresses(Invocation& call, std::string const& id, std::vector<AddressWord> const& words,
                           bool check_alive) {
  Addresses addresses;
  for (auto const& word : words) {
    addresses.end = obtain_one(call, id, word, check_alive, addresses.cidrs);
    if (addresses.end) break;
  }
  return addresses;
}

Addresses look_up_addresses(Invocation& call, std::string const& id, std::vector<AddressWord> const& words) {
  Addresses addresses;
  for (auto const& word : words) {
    addresses.end = look_up_one(call, id, word, addresses.cidrs);
    if (addresses.end) break;
  }
  return addresses;
}

int give_up_addresses(Invocation& call, std::string const& id, std::vector<Ipv4Cidr> const& cidrs) {
  auto const remove = [&](std::string const& kind, Ipv4Cidr const& cidr) {
    auto const target = fmt::format("/{}/{}/{}", kind, controller::api::path_part(id), cidr.address.to_string());
    return ask_daemon(call.settings, [&](ApiClient const& client) { return client.remove(target, kAnswerTime); });
  };
  for (auto const& cidr : cidrs) {
    auto const names = remove("name", cidr);
    if (!names || (!names->ok() && names->status != kNotFound)) return conclude(names, call, "the name service");
    auto const freed = remove("ip", cidr);
    // The address may have been nobody's: exact ones are taken from people.
    auto const unknown = freed && freed->status == kBadRequest && freed->body.starts_with("Unable to free: ");
    if (!unknown && (!freed || (!freed->ok() && freed->status != kNotFound))) {
      return conclude(freed, call, "address allocation");
    }
  }
  return 0;
}

int register_name(Invocation& call, std::string const& id, std::vector<Ipv4Cidr> const& cidrs, std::string const& fqdn,
                  bool check_alive) {
  ApiClient::Parameters parameters{{"fqdn", fqdn}};
  if (check_alive) parameters.emplace_back("check-alive", "true");
  for (auto const& cidr : cidrs) {
    auto const target = fmt::format("/name/{}/{}", controller::api::path_part(id), cidr.address.to_string());
    auto const answer =
        ask_daemon(call.settings, [&](ApiClient const& client) { return client.put(target, parameters, kAnswerTime); });
    if (!answer || (!answer->ok() && answer->status != kNotFound)) return conclude(answer, call, "the name service");
  }
  return 0;
}

void print_addresses(Invocation& call, std::vector<Ipv4Cidr> const& cidrs, bool as_json) {
  if (as_json) {
    boost::json::array list;
    for (auto const& cidr : cidrs) list.emplace_back(cidr.to_string());
    call.out << boost::json::serialize(boost::json::object{{"addresses", std::move(list)}}) << "\n";
    return;
  }
  std::vector<std::string> texts;
  for (auto const& cidr : cidrs) texts.push_back(cidr.address.to_string());
  call.out << fmt::format("{}\n", fmt::join(texts, " "));
}

std::optional<std::string> overlap_warning(Ipv4Cidr const& cidr, std::string const& bridge_name) {
  auto socket = datapath::RouteSocket::open();
  if (!socket) return std::nullopt;
  auto const bridge = datapath::Links{*socket}.find(bridge_name);
  auto const routes = datapath::Addresses{*socket}.routes();
  if (!routes) return std::nullopt;
  auto const is_network = cidr == cidr.network();
  for (auto const& route : *routes) {
    auto const& known = route.destination;
    if (known.prefix == 0 || (bridge && route.link == bridge->index)) continue;
    auto const overlaps = contains(known, cidr.address) || (is_network && contains(cidr, known.network().address));
    if (!overlaps) continue;
    return fmt::format("{} {} overlaps with existing route {} on host", is_network ? "Network" : "Address",
                       is_network ? cidr.to_string() : cidr.address.to_string(), known.to_string());
  }
  return std::nullopt;
}

} // namespace weave::tools
