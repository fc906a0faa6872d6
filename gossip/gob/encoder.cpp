#include "gossip/gob/encoder.hpp"

#include <algorithm>

namespace weave::gossip::gob {

TypeId Encoder::add(Descriptor type, void const* tag) {
  types_.push_back({.type = std::move(type), .tag = tag});
  return first_id_ + static_cast<TypeId>(types_.size()) - 1;
}

std::optional<TypeId> Encoder::numbered(void const* tag) const {
  auto const found = std::ranges::find(types_, tag, &Numbered::tag);
  if (found == types_.end()) return std::nullopt;
  return first_id_ + (found - types_.begin());
}

TypeId Encoder::number_unnamed(Descriptor type) {
  auto const found =
      std::ranges::find_if(types_, [&](Numbered const& known) { return known.tag == nullptr && known.type == type; });
  if (found != types_.end()) return first_id_ + (found - types_.begin());
  return add(std::move(type), nullptr);
}

void Encoder::define(TypeId id) {
  if (id < first_id_) return;
  auto const index = static_cast<std::size_t>(id - first_id_);
  if (types_[index].defined) return;
  types_[index].defined = true;
  Descriptor const& type = types_[index].type;
  out_.raw(encode_descriptor(id, type));
  for (auto const& field : type.fields) define(field.type);
  if (type.kind == Kind::map) define(type.key);
  if (type.element != 0) define(type.element);
}

} // namespace weave::gossip::gob
