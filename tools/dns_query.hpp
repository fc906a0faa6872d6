#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "controller/dns/domain_name.hpp"

namespace weave::tools {

/// One question and a wait for the answer: for a program that has nothing else to do.
struct DnsQuestion {
  controller::dns::DomainName name;
  std::uint16_t type = 0;
};

/// Asks the server at `host:port` over UDP, several times if it must, and over TCP if the answer is too long for that.
/// Gives the data of the answer's records, one text each: addresses and names, the latter with their final dot; nothing
/// if there is no such name. Errors: malformed (address, answer), timed_out, unavailable (nobody listens there), system
/// (the server says that it cannot).
[[nodiscard]] Result<std::vector<std::string>> ask_dns(std::string const& server, DnsQuestion const& question,
                                                       std::chrono::milliseconds patience);

} // namespace weave::tools
