#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weave::http {

/// Header fields in the order they came. Names compare without regard to case. Value type.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_{fields} {}

  /// The first field of that name.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const;
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces every field of that name.
  void set(std::string_view name, std::string value);

  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }
  [[nodiscard]] std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Names and values of a query string or a form body; a name may come many times (`peer=a&peer=b`). Value type.
class Form {
 public:
  /// `application/x-www-form-urlencoded`. Pairs with a broken percent sequence are left out.
  [[nodiscard]] static Form parse(std::string_view text);

  [[nodiscard]] std::optional<std::string> get(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  void add(std::string name, std::string value) { pairs_.emplace_back(std::move(name), std::move(value)); }
  void append(Form const& other) { pairs_.insert(pairs_.end(), other.pairs_.begin(), other.pairs_.end()); }
  [[nodiscard]] bool empty() const { return pairs_.empty(); }
  /// The encoded text, without a leading question mark.
  [[nodiscard]] std::string to_string() const;

  [[nodiscard]] auto begin() const { return pairs_.begin(); }
  [[nodiscard]] auto end() const { return pairs_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

/// One request, on either side. `target` is the path with its query, percent-encoded, as it stands in the request line.
struct Request {
  std::string method = "GET";
  std::string target = "/";
  Headers headers;
  std::string body;

  /// The target up to the question mark, still encoded.
  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] Form query() const;
  /// The form body (if the content type says it is one), then the query, so that get() prefers the body.
  [[nodiscard]] Form parameters() const;
  /// A request whose body is the form.
  [[nodiscard]] static Request post_form(std::string target, Form const& form);
};

/// One response. Content-Length is added when it is sent; do not set it.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;

  /// Content type `text/plain; charset=utf-8`; the body as given, without a newline added.
  [[nodiscard]] static Response text(std::string body, int status = 200);
  [[nodiscard]] static Response json(std::string body, int status = 200);
  /// 204.
  [[nodiscard]] static Response no_content() { return Response{.status = 204, .headers = {}, .body = {}}; }
  /// 200 to 299.
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

/// Nothing for a `%` that two hex digits do not follow. `plus_is_space` in forms only.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
/// Encodes everything but letters, digits and `-._~`.
[[nodiscard]] std::string percent_encode(std::string_view text);
/// "Not Found" for 404; empty for a number nobody assigned.
[[nodiscard]] std::string_view reason_phrase(int status);

} // namespace weave::http
