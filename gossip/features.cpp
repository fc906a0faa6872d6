#include "gossip/features.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "gossip/gob/decoder.hpp"
#include "gossip/gob/encoder.hpp"

namespace weave::gossip {
namespace {

constexpr std::string_view kFlavour = "mac";

std::unexpected<Error> bad_number(std::string_view function, std::string_view text, std::string_view reason) {
  return failure(ErrorKind::malformed, fmt::format("strconv.{}: parsing \"{}\": {}", function, text, reason));
}

/// Decimal digits only: no sign, blank or prefix.
Result<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t max) {
  bool const is_number = !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return bad_number("ParseUint", text, "invalid syntax");
  std::uint64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value > max) return bad_number("ParseUint", text, "value out of range");
  return value;
}

Result<bool> parse_bool(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
  if (std::ranges::find(kTrue, text) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, text) != kFalse.end()) return false;
  return bad_number("ParseBool", text, "invalid syntax");
}

Result<void> check_required(Features const& features) {
  for (auto const* key : {"PeerNameFlavour", "Name", "NickName", "UID", "ConnID"}) {
    if (!features.contains(key)) return failure(ErrorKind::malformed, fmt::format("field {} is missing", key));
  }
  auto const& flavour = features.at("PeerNameFlavour");
  if (flavour != kFlavour) {
    return failure(ErrorKind::refused,
                   fmt::format("Peer name flavour mismatch (ours: '{}', theirs: '{}')", kFlavour, flavour));
  }
  return {};
}

Result<void> parse_optional(Features const& features, Identity& identity) {
  if (auto const short_id = features.find("ShortID"); short_id != features.end()) {
    auto const number = parse_decimal(short_id->second, kShortIdMax);
    if (!number) return failure_of(number);
    identity.short_id = ShortId{static_cast<std::uint16_t>(*number)};
  }
  if (auto const trusted = features.find("Trusted"); trusted != features.end()) {
    auto const value = parse_bool(trusted->second);
    if (!value) return failure_of(value);
    identity.trusted = *value;
  }
  return {};
}

} // namespace

Features make_features(Identity const& identity) {
  Features features{
      {"PeerNameFlavour", std::string{kFlavour}},
      {"Name", identity.name.to_string()},
      {"NickName", identity.nickname},
      {"UID", std::to_string(static_cast<std::uint64_t>(identity.uid))},
      {"ConnID", std::to_string(identity.connection_id)},
      {"Trusted", identity.trusted ? "true" : "false"},
  };
  if (identity.short_id) features["ShortID"] = std::to_string(static_cast<std::uint16_t>(*identity.short_id));
  return features;
}

Result<Identity> parse_features(Features const& features) {
  if (auto const complete = check_required(features); !complete) return failure_of(complete);
  auto const name = PeerName::parse(features.at("Name"));
  if (!name) return failure_of(name);
  Identity identity{.name = *name, .nickname = features.at("NickName"), .short_id = std::nullopt};
  if (auto const done = parse_optional(features, identity); !done) return failure_of(done);
  auto const uid = parse_decimal(features.at("UID"), UINT64_MAX);
  if (!uid) return failure_of(uid);
  identity.uid = PeerUid{*uid};
  auto const connection_id = parse_decimal(features.at("ConnID"), UINT64_MAX);
  if (!connection_id) return failure_of(connection_id);
  identity.connection_id = *connection_id;
  return identity;
}

Bytes encode_features(Features const& features) { return gob::encode(features); }

Result<Features> decode_features(ByteView stream) { return gob::Decoder{stream}.decode<Features>(); }

} // namespace weave::gossip
