#include "tools/findings.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace weave::tools {

namespace json = boost::json;

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::fine: return "ok";
    case Severity::note: return "note";
    case Severity::warning: return "warning";
    case Severity::error: return "error";
  }
  return "";
}

bool any(std::span<Finding const> findings, Severity at_least) {
  return std::ranges::any_of(findings, [at_least](Finding const& finding) { return finding.severity >= at_least; });
}

void print_text(std::vector<Finding> findings, std::ostream& out) {
  std::ranges::stable_sort(findings, {}, &Finding::severity);
  for (auto const& finding : findings) {
    auto line = fmt::format("{:<8} {}: {}", to_string(finding.severity), finding.subject, finding.text);
    if (!finding.cause.empty()) line += fmt::format(": {}", finding.cause);
    if (!finding.next.empty()) line += fmt::format(". Next: {}", finding.next);
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    out << line << "\n";
  }
}

void print_json(std::span<Finding const> findings, Severity at_least, std::ostream& out) {
  json::array list;
  for (auto const& finding : findings) {
    list.push_back(json::object{{"severity", to_string(finding.severity)},
                                {"subject", finding.subject},
                                {"text", finding.text},
                                {"cause", finding.cause},
                                {"next", finding.next}});
  }
  out << json::serialize(json::object{{"ok", !any(findings, at_least)}, {"findings", std::move(list)}}) << "\n";
}

} // namespace weave::tools
