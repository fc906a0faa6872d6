#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/address.hpp"
#include "controller/dns/dns_message.hpp"
#include "tools/daemon_answer.hpp"
#include "tools/dns_query.hpp"

namespace weave::tools {
namespace {

namespace dns = controller::dns;

/// As dig answers when nobody does.
constexpr int kNoReply = 9;
constexpr std::chrono::milliseconds kPatience{15'000};

/// The addresses of a name, or the names of an address.
Result<DnsQuestion> question_about(std::string const& word) {
  auto const address = Ipv4Address::parse(word);
  if (!address) {
    auto const name = dns::DomainName::parse(word);
    if (!name) return failure_of(name);
    return DnsQuestion{.name = *name, .type = dns::record_type::a};
  }
  auto const number = address->value();
  auto const reverse = fmt::format("{}.{}.{}.{}.in-addr.arpa.", number & 0xffU, number >> 8U & 0xffU,
                                   number >> 16U & 0xffU, number >> 24U);
  return DnsQuestion{.name = dns::DomainName::parse(reverse).value(), .type = dns::record_type::ptr};
}

} // namespace

int run_dns_lookup(Invocation& call) {
  bool const json = call.take_flag("--json");
  if (call.words.size() != 1) return usage(call.err, 1);
  auto const answer =
      ask_daemon(call.settings, [](ApiClient const& client) { return client.get("/dns-address-port", kAnswerTime); });
  if (!answer || !answer->ok()) return conclude(answer, call, "the name service");
  auto const question = question_about(call.words.front());
  if (!question) {
    call.err << question.error().text() << "\n";
    return 1;
  }
  auto const found = ask_dns(answer->body, *question, kPatience);
  if (!found) {
    call.err << fmt::format("{}: {}\n", answer->body, found.error().text());
    return kNoReply;
  }
  if (json) {
    boost::json::array const answers(found->begin(), found->end());
    boost::json::object const object{{"question", call.words.front()}, {"answers", answers}};
    call.out << boost::json::serialize(object) << "\n";
    return 0;
  }
  for (auto const& text : *found) call.out << text << "\n";
  return 0;
}

} // namespace weave::tools
