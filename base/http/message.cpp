#include "base/http/message.hpp"

#include <algorithm>

#include <boost/beast/http/status.hpp>

namespace weave::http {

namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  auto const small = lower(digit);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

bool unreserved(char letter) {
  auto const small = lower(letter);
  return (small >= 'a' && small <= 'z') || (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' ||
         letter == '_' || letter == '~';
}

} // namespace

std::optional<std::string_view> Headers::get(std::string_view name) const {
  auto const found = std::ranges::find_if(fields_, [&](auto const& field) { return same_name(field.first, name); });
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [&](auto const& field) { return same_name(field.first, name); });
  fields_.emplace_back(std::string{name}, std::move(value));
}

Form Form::parse(std::string_view text) {
  Form form;
  while (!text.empty()) {
    auto const pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    auto const split = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, split), true);
    auto value = percent_decode(pair.substr(std::min(pair.size(), split + 1)), true);
    if (name && value) form.add(*std::move(name), *std::move(value));
  }
  return form;
}

std::optional<std::string> Form::get(std::string_view name) const {
  auto const found = std::ranges::find_if(pairs_, [&](auto const& pair) { return pair.first == name; });
  if (found == pairs_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Form::all(std::string_view name) const {
  std::vector<std::string> values;
  for (auto const& [key, value] : pairs_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::string Form::to_string() const {
  std::string text;
  for (auto const& [name, value] : pairs_) {
    if (!text.empty()) text += '&';
    text += percent_encode(name) + '=' + percent_encode(value);
  }
  return text;
}

std::string_view Request::path() const { return std::string_view{target}.substr(0, target.find('?')); }

Form Request::query() const {
  auto const mark = target.find('?');
  return mark == std::string::npos ? Form{} : Form::parse(std::string_view{target}.substr(mark + 1));
}

Form Request::parameters() const {
  Form form;
  auto const type = headers.get("Content-Type").value_or("");
  if (same_name(type.substr(0, kFormType.size()), kFormType)) form = Form::parse(body);
  form.append(query());
  return form;
}

Request Request::post_form(std::string target, Form const& form) {
  return Request{.method = "POST",
                 .target = std::move(target),
                 .headers = {{"Content-Type", std::string{kFormType}}},
                 .body = form.to_string()};
}

Response Response::text(std::string body, int status) {
  return Response{
      .status = status, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::move(body)};
}

Response Response::json(std::string body, int status) {
  return Response{.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      auto const high = hex_digit(text[i + 1]);
      auto const low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (auto const letter : text) {
    if (unreserved(letter)) {
      out += letter;
      continue;
    }
    auto const byte = static_cast<unsigned char>(letter);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

std::string_view reason_phrase(int status) {
  if (status < 100 || status > 999) return {};
  auto const known = boost::beast::http::int_to_status(static_cast<unsigned>(status));
  if (known == boost::beast::http::status::unknown) return {};
  auto const phrase = boost::beast::http::obsolete_reason(known);
  return {phrase.data(), phrase.size()};
}

} // namespace weave::http
