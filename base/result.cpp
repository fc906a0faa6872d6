#include "base/result.hpp"

#include <system_error>

namespace weave {

Error system_error(std::string_view what, int errno_value) {
  return Error{ErrorKind::system, std::string{what} + ": " + std::generic_category().message(errno_value)};
}

} // namespace weave
