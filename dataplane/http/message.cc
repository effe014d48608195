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

// A perfect hash of the length and three characters; its factor is found by the compiler.
constexpr size_t kSlots = 256;
constexpr size_t kLongest = 24;

constexpr size_t SlotOf(std::string_view name, uint32_t factor) {
  const auto at = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(name[i])); };
  const size_t fourth_last = name.size() < 4 ? 0 : name.size() - 4;
  const uint32_t key = static_cast<uint32_t>(name.size()) << 24 | at(0) << 16 |
                       at(fourth_last) << 8 | at(name.size() - 1);
  return key * factor >> 24;
}

struct Table {
  uint32_t factor = 0;
  std::array<Known, kSlots> slots = {};
};

constexpr bool Fill(Table& table) {
  table.slots = {};
  for (size_t i = 1; i < kNames.size(); ++i) {
    Known& slot = table.slots[SlotOf(kNames[i], table.factor)];
    if (slot != Known::kOther) return false;
    slot = static_cast<Known>(i);
  }
  return true;
}

constexpr Table MakeTable() {
  Table table;
  table.factor = 0x9e3779b1;
  while (!Fill(table)) table.factor += 2;
  return table;
}

constexpr Table kTable = MakeTable();

}  // namespace

Known Recognize(std::string_view name) {
  if (name.empty() || name.size() > kLongest) return Known::kOther;
  const Known known = kTable.slots[SlotOf(name, kTable.factor)];
  return NameOf(known) == name ? known : Known::kOther;
}

std::string_view NameOf(Known known) { return kNames[static_cast<size_t>(known)]; }

void HeaderList::Grow() {
  const size_t grown = capacity_ == 0 ? 24 : capacity_ * 2;
  Header* fields = arena_->AllocateArray<Header>(grown).data();
  std::copy(fields_, fields_ + size_, fields);
  fields_ = fields;
  capacity_ = grown;
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
