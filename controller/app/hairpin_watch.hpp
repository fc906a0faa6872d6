#pragma once

#include <string>
#include <vector>

#include "base/logger.hpp"
#include "base/scheduler.hpp"
#include "datapath/link/links.hpp"

namespace weave::controller {

/// The overlay's own ports of the bridge must not be in hairpin mode: what has come from another host would go back
/// there, and round and round. Looks every second and logs an error, naming the command that ends it, each time that
/// one is found. Control thread only; what it is given must outlive it.
class HairpinWatch {
 public:
  /// `ports` by name; those that do not exist are not in hairpin mode.
  HairpinWatch(Scheduler& scheduler, datapath::Links& links, std::vector<std::string> ports, Logger logger);

  /// Those in hairpin mode, as last seen.
  [[nodiscard]] std::vector<std::string> const& found() const { return found_; }

 private:
  void look();

  Scheduler& scheduler_;
  datapath::Links& links_;
  std::vector<std::string> ports_;
  Logger logger_;
  std::vector<std::string> found_;
  Timer timer_;
};

} // namespace weave::controller
