#include <algorithm>
#include <iterator>

#include "tools/command.hpp"
#include "tools/diagnosis.hpp"
#include "tools/host_probes.hpp"

namespace weave::tools {
namespace {

int conclude_findings(Invocation& call, std::vector<Finding> findings, bool as_json) {
  auto const bad = any(findings, Severity::error);
  if (as_json) {
    print_json(findings, Severity::error, call.out);
  } else {
    print_text(std::move(findings), call.out);
  }
  return bad ? 1 : 0;
}

} // namespace

int run_doctor(Invocation& call) {
  bool const json = call.take_flag("--json");
  if (!call.words.empty()) return usage(call.err, 1);
  auto const facts = look_around(call.settings);
  auto findings = diagnose_host(facts);
  std::ranges::move(diagnose_daemon(facts), std::back_inserter(findings));
  return conclude_findings(call, std::move(findings), json);
}

int run_setup(Invocation& call) {
  bool const json = call.take_flag("--json");
  if (!call.words.empty()) return usage(call.err, 1);
  return conclude_findings(call, diagnose_host(look_around(call.settings)), json);
}

} // namespace weave::tools
