#include "dataplane/http/message.h"

#include <algorithm>
#include <array>

namespace sluice::http {
namespace {

constexpr std::array kNames = {std::string_view(""),
#define X(enumerator, name) std::string_view(name),
                               SLUICE_KNOWN_HEADERS(X)
#undef X
};

// Candidates share a length; at most a handful do, so a scan of the bucket beats a hash.
constexpr size_t kLongest = 24;
struct Bucket {
  std::array<Known, 4> names = {};
  uint8_t size = 0;
};

constexpr std::array<Bucket, kLongest + 1> MakeBuckets() {
  std::array<Bucket, kLongest + 1> buckets = {};
  for (size_t i = 1; i < kNames.size(); ++i) {
    Bucket& bucket = buckets[kNames[i].size()];
    bucket.names[bucket.size++] = static_cast<Known>(i);
  }
  return buckets;
}

constexpr std::array<Bucket, kLongest + 1> kBuckets = MakeBuckets();

}  // namespace

Known Recognize(std::string_view name) {
  if (name.size() > kLongest) return Known::kOther;
  const Bucket& bucket = kBuckets[name.size()];
  for (uint8_t i = 0; i < bucket.size; ++i) {
    if (NameOf(bucket.names[i]) == name) return bucket.names[i];
  }
  return Known::kOther;
}

std::string_view NameOf(Known known) { return kNames[static_cast<size_t>(known)]; }

void HeaderList::Add(Header header) {
  if (size_ == capacity_) {
    const size_t grown = capacity_ == 0 ? 24 : capacity_ * 2;
    Header* fields = arena_->AllocateArray<Header>(grown).data();
    std::copy(fields_, fields_ + size_, fields);
    fields_ = fields;
    capacity_ = grown;
  }
  fields_[size_++] = header;
}

const Header* HeaderList::Find(Known known) const {
  const Header* at =
      std::find_if(begin(), end(), [&](const Header& h) { return h.known == known; });
  return at == end() ? nullptr : at;
}

const Header* HeaderList::Find(std::string_view lower_name) const {
  const Header* at =
      std::find_if(begin(), end(), [&](const Header& h) { return h.name == lower_name; });
  return at == end() ? nullptr : at;
}

size_t HeaderList::Remove(Known known) {
  return RemoveIf([&](const Header& h) { return h.known == known; });
}

size_t HeaderList::Remove(std::string_view lower_name) {
  return RemoveIf([&](const Header& h) { return h.name == lower_name; });
}

void HeaderList::Set(std::string_view lower_name, std::string_view value) {
  bool placed = false;
  RemoveIf([&](Header& h) {
    if (h.name != lower_name) return false;
    if (placed) return true;
    placed = true;
    h.value = value;
    return false;
  });
  if (!placed) Add(lower_name, value);
}

void HeaderList::Set(Known known, std::string_view value) { Set(NameOf(known), value); }

}  // namespace sluice::http
