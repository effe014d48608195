#include "dataplane/http/field_reader.h"

#include <algorithm>

#include "dataplane/http/chars.h"

namespace sluice::http {
namespace {

// Lowers `piece` in place; true if it holds a '_'.
bool Lower(char* piece, size_t size) {
  bool underscore = false;
  for (size_t i = 0; i < size; ++i) {
    underscore |= piece[i] == '_';
    piece[i] = ToLower(piece[i]);
  }
  return underscore;
}

}  // namespace

bool SpoofsKnownName(std::string_view lower_name) {
  constexpr size_t kLongest = 64;
  if (lower_name.size() > kLongest) return false;
  char dashed[kLongest];
  std::replace_copy(lower_name.begin(), lower_name.end(), dashed, '_', '-');
  const std::string_view name(dashed, lower_name.size());
  return Recognize(name) != Known::kOther || name.starts_with("x-forwarded-") ||
         name == "authorization";
}

void FieldReader::Begin(HeaderList& list) {
  list_ = &list;
  name_ = value_ = {};
  section_bytes_ = field_bytes_ = fields_ = 0;
  underscore_ = false;
}

bool FieldReader::Count(size_t bytes) {
  section_bytes_ += bytes;
  field_bytes_ += bytes;
  return section_bytes_ <= limits_.header_block_bytes && field_bytes_ <= limits_.header_field_bytes;
}

bool FieldReader::AddName(std::string_view piece) {
  const size_t before = name_.size();
  if (before == 0 && ++fields_ > limits_.header_fields) return false;
  if (!Count(piece.size())) return false;
  name_ = list_->arena().Extend(name_, piece);
  underscore_ |= Lower(const_cast<char*>(name_.data()) + before, piece.size());
  return true;
}

bool FieldReader::AddValue(std::string_view piece) {
  if (!Count(piece.size())) return false;
  value_ = list_->arena().Extend(value_, piece);
  return true;
}

void FieldReader::EndField() {
  if (!underscore_ || !SpoofsKnownName(name_)) list_->Add(name_, TrimSpace(value_));
  name_ = value_ = {};
  field_bytes_ = 0;
  underscore_ = false;
}

}  // namespace sluice::http
