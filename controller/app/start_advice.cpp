#include "controller/app/start_advice.hpp"

#include <algorithm>
#include <array>

namespace weave::controller {
namespace {

struct Advice {
  /// Words of the error, of the system's messages for the most part.
  std::string_view sign;
  std::string_view text;
};

constexpr std::array kAdvice{
    Advice{"Address already in use", "'weave doctor' shows which program has that port"},
    Advice{"Cannot assign requested address", "it must be an address of this host: 'ip address' shows them"},
    Advice{"/dev/net/tun", "'modprobe tun'; a container needs --device=/dev/net/tun and --cap-add=NET_ADMIN"},
    Advice{"is in use by another process", "another weaver has it: 'weave stop' ends it"},
    Advice{"is damaged",
           "bring it back from a backup, or begin anew by 'weave reset', which gives up the addresses of this host"},
    Advice{"was written by a newer version", "install that version again, or begin anew by 'weave reset'"},
    Advice{"belongs to another program", "move it away, or name another directory in WEAVE_STATE_DIR"},
    Advice{"Permission denied", "weave needs root, or the capabilities that weave.service gives it"},
    Advice{"Operation not permitted", "weave needs root, or the capabilities that weave.service gives it"},
    Advice{"Read-only file system", "mount it for writing, or name another directory in WEAVE_STATE_DIR"},
    Advice{"not supported", "'weave doctor' shows what this kernel lacks"},
};

} // namespace

std::string start_advice(std::string_view error) {
  auto const found = std::ranges::find_if(
      kAdvice, [error](Advice const& advice) { return error.find(advice.sign) != std::string_view::npos; });
  return found == kAdvice.end() ? std::string{} : std::string{"; "}.append(found->text);
}

} // namespace weave::controller
