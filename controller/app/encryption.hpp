#pragma once

#include <functional>
#include <memory>

#include "base/logger.hpp"
#include "base/result.hpp"
#include "controller/app/options.hpp"
#include "gossip/sealer.hpp"

namespace weave::controller {

/// Makes the key exchange of each new connection; null without a password.
using KeyMaker = std::function<std::unique_ptr<gossip::KeyExchange>()>;

/// From --password, --password-file or WEAVE_PASSWORD. Errors name the file.
[[nodiscard]] Result<KeyMaker> keys_of(Options const& options);

/// Which fast path may be used beside encryption: none, because it cannot encrypt yet and a datapath that carries
/// frames in clear must not even be open to peers with whom frames are encrypted. Error: one was asked for by name.
[[nodiscard]] Result<FastPathChoice> fast_path_beside_encryption(FastPathChoice wanted, Logger const& logger);

} // namespace weave::controller
