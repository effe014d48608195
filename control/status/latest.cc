#include "control/status/latest.h"

#include <algorithm>
#include <utility>

#include "control/kube/object_text.h"

namespace sluice::status {

const kube::Known* Latest::Pick(const kube::Known* watched) {
  const bool older =
      watched != nullptr && std::ranges::find(past_, watched->resource_version) != past_.end();
  if (older) return own_ ? &*own_ : nullptr;
  past_.clear();
  own_.reset();
  return watched;
}

void Latest::Answered(std::string_view before, kube::Known answer) {
  if (before == answer.resource_version) return;  // it changed nothing
  past_.emplace_back(before);
  own_ = std::move(answer);
}

void Latest::Gone(std::string_view before) {
  past_.emplace_back(before);
  own_.reset();
}

std::optional<kube::Known> ReadKnown(std::string_view body) {
  const std::optional<kube::ObjectText> object = kube::ReadObjectText(body);
  if (!object) return std::nullopt;
  return kube::Known{.uid = std::string(object->uid),
                     .resource_version = std::string(object->resource_version),
                     .generation = object->generation,
                     .status = std::string(object->status == "null" ? "" : object->status)};
}

}  // namespace sluice::status
