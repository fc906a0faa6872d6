#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace weave::datapath {

/// The rules that let bridged traffic of the overlay pass where the kernel hands it to iptables: Docker sets the policy
/// of FORWARD to DROP, and with bridge netfilter on that hits frames between two ports of one bridge
/// (protocol/datapath.md §8.4). They live in iptables' own tables because only an ACCEPT there spares a packet that
/// policy. Blocking, a few milliseconds a call; any thread.
class ForwardRules {
 public:
  /// Runs a command and gives its exit status. Replaced in tests.
  using Run = std::function<Result<int>(std::vector<std::string> const& command)>;

  explicit ForwardRules(std::string bridge, Run run = {});

  /// Inserts what is missing. Succeeds without iptables on the host: then nobody filters with it.
  [[nodiscard]] Result<void> ensure() const;
  /// Deletes them, however often they are there.
  [[nodiscard]] Result<void> remove() const;
  /// Whether frames on bridges are handed to iptables now.
  [[nodiscard]] static bool bridged_frames_are_filtered();

 private:
  [[nodiscard]] std::vector<std::string> rule(std::string const& action) const;

  std::string bridge_;
  Run run_;
};

/// Runs `command` (found in PATH) with no input and its output discarded; the result is its exit status. not_found when
/// there is no such program.
[[nodiscard]] Result<int> run_command(std::vector<std::string> const& command);

} // namespace weave::datapath
