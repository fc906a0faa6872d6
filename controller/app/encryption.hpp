#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "controller/app/options.hpp"
#include "gossip/sealer.hpp"

namespace weave::controller {

/// Makes the key exchange of each new connection; null without a password.
using KeyMaker = std::function<std::unique_ptr<gossip::KeyExchange>()>;

/// From --password, --password-file or WEAVE_PASSWORD. Errors name the file.
[[nodiscard]] Result<KeyMaker> keys_of(Options const& options);

} // namespace weave::controller
