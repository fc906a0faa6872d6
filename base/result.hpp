#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weave {

/// What kind of failure an `Error` is; callers branch on this, people read the text.
enum class ErrorKind {
  malformed,      ///< input from outside does not follow its format
  out_of_range,   ///< well-formed, but a value is beyond what is allowed
  not_found,      ///< the named thing does not exist
  already_exists, ///< the thing exists or is in use by somebody else
  refused,        ///< a peer, the kernel or a rule says no
  unavailable,    ///< cannot be done now; trying again later may work
  timed_out,      ///< a deadline passed
  cancelled,      ///< given up by the caller or by shutdown
  system          ///< an operating system call failed; the text carries its reason
};

/// An expected failure: a kind for programs and one sentence for people. Value type, no ownership.
class [[nodiscard]] Error {
 public:
  Error(ErrorKind kind, std::string text) : kind_{kind}, text_{std::move(text)} {}

  [[nodiscard]] ErrorKind kind() const { return kind_; }
  [[nodiscard]] std::string const& text() const { return text_; }

  friend bool operator==(Error const&, Error const&) = default;

 private:
  ErrorKind kind_;
  std::string text_;
};

/// The outcome of everything that may fail in normal operation (STYLE §4 habit 33).
template <class T>
using Result = std::expected<T, Error>;

/// `return failure(ErrorKind::malformed, "…")` in functions returning a Result.
[[nodiscard]] inline std::unexpected<Error> failure(ErrorKind kind, std::string text) {
  return std::unexpected<Error>{Error{kind, std::move(text)}};
}

/// Passes the error of another Result on.
template <class T>
[[nodiscard]] std::unexpected<Error> failure_of(std::expected<T, Error> const& result) {
  return std::unexpected<Error>{result.error()};
}

/// "<what>: <strerror(errno_value)>" of kind system.
[[nodiscard]] Error system_error(std::string_view what, int errno_value);

} // namespace weave
