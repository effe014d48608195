#include "dataplane/channel/part_set.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <openssl/sha.h>

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sluice::channel {
namespace {

using snapshot::Snapshot;

std::string Sha256(std::string_view bytes) {
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(hash.data()));
  return hash;
}

std::string KeyOf(const snapshot::Vip& vip) { return vip.address(); }
std::string KeyOf(const snapshot::Listener& listener) { return listener.id(); }
std::string KeyOf(const snapshot::Host& host) {
  return absl::StrCat(host.listener_id(), std::string_view("\0", 1), host.hostname());
}
std::string KeyOf(const snapshot::Rule& rule) { return rule.id(); }
std::string KeyOf(const snapshot::Cluster& cluster) { return cluster.id(); }
std::string KeyOf(const snapshot::EndpointSet& endpoints) { return endpoints.cluster_id(); }
std::string KeyOf(const snapshot::Settings&) { return ""; }

// Calls `visit(field number, element)` for each part of `snapshot`.
template <typename Visitor>
void ForEachElement(const Snapshot& snapshot, Visitor visit) {
  for (const auto& e : snapshot.vips()) visit(Snapshot::kVipsFieldNumber, e);
  for (const auto& e : snapshot.listeners()) visit(Snapshot::kListenersFieldNumber, e);
  for (const auto& e : snapshot.hosts()) visit(Snapshot::kHostsFieldNumber, e);
  for (const auto& e : snapshot.rules()) visit(Snapshot::kRulesFieldNumber, e);
  for (const auto& e : snapshot.clusters()) visit(Snapshot::kClustersFieldNumber, e);
  for (const auto& e : snapshot.endpoints()) visit(Snapshot::kEndpointsFieldNumber, e);
  if (snapshot.has_settings()) visit(Snapshot::kSettingsFieldNumber, snapshot.settings());
}

// The bytes of a Snapshot that holds `element` alone, without copying it into one.
template <typename Element>
std::string SerializeAlone(int field, const Element& element) {
  using google::protobuf::internal::WireFormatLite;
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.WriteTag(WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    out.WriteVarint32(static_cast<uint32_t>(element.ByteSizeLong()));
    element.SerializeWithCachedSizes(&out);
  }
  return bytes;
}

template <typename Element>
std::string FullKey(int field, const Element& element) {
  return absl::StrCat(std::string(1, static_cast<char>(field)), KeyOf(element));
}

// A part that came over the wire: exactly one element, whose key is read from it.
absl::StatusOr<SnapshotPart> ParsePart(const std::string& bytes) {
  Snapshot alone;
  if (!alone.ParseFromString(bytes))
    return absl::InvalidArgumentError("a part that is no Snapshot");
  SnapshotPart part{.bytes = bytes, .hash = Sha256(bytes)};
  int elements = 0;
  ForEachElement(alone, [&](int field, const auto& element) {
    part.key = FullKey(field, element);
    ++elements;
  });
  if (elements != 1)
    return absl::InvalidArgumentError(absl::StrCat("a part of ", elements, " elements"));
  return part;
}

}  // namespace

absl::Status PartSet::SortAndCheck() {
  const auto by_key = [](const PartPtr& a, const PartPtr& b) { return a->key < b->key; };
  if (!std::is_sorted(parts_.begin(), parts_.end(), by_key))
    std::sort(parts_.begin(), parts_.end(), by_key);
  for (size_t i = 1; i < parts_.size(); ++i) {
    if (parts_[i - 1]->key == parts_[i]->key) {
      return absl::AlreadyExistsError(
          absl::StrCat("two parts are called ", absl::CEscape(parts_[i]->key.substr(1))));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<PartSet> PartSet::Split(const Snapshot& snapshot, const PartSet& previous) {
  absl::flat_hash_map<std::string_view, PartPtr> known;
  for (const PartPtr& part : previous.parts_) known.emplace(part->key, part);
  PartSet set;
  ForEachElement(snapshot, [&](int field, const auto& element) {
    SnapshotPart part{.key = FullKey(field, element), .bytes = SerializeAlone(field, element)};
    const auto found = known.find(part.key);
    if (found != known.end() && found->second->bytes == part.bytes) {
      set.parts_.push_back(found->second);
      return;
    }
    part.hash = Sha256(part.bytes);
    set.parts_.push_back(std::make_shared<const SnapshotPart>(std::move(part)));
  });
  if (absl::Status sorted = set.SortAndCheck(); !sorted.ok()) return sorted;
  return set;
}

absl::StatusOr<PartSet> PartSet::Edit(const Update& update) const {
  const absl::flat_hash_set<std::string_view> removed(update.removed().begin(),
                                                      update.removed().end());
  PartSet set;
  for (const PartPtr& part : parts_) {
    if (!removed.contains(part->hash)) set.parts_.push_back(part);
  }
  if (parts_.size() - set.parts_.size() != removed.size()) {
    return absl::FailedPreconditionError("the update removes parts that are not held");
  }
  for (const std::string& bytes : update.added()) {
    absl::StatusOr<SnapshotPart> part = ParsePart(bytes);
    if (!part.ok()) return part.status();
    set.parts_.push_back(std::make_shared<const SnapshotPart>(*std::move(part)));
  }
  if (absl::Status sorted = set.SortAndCheck(); !sorted.ok()) return sorted;
  if (set.Digest() != update.digest())
    return absl::DataLossError("the parts do not add up to the update's digest");
  return set;
}

absl::StatusOr<Snapshot> PartSet::Assemble() const {
  Snapshot snapshot;
  for (const PartPtr& part : parts_) {
    // Repeated fields of concatenated messages add up (protobuf wire format).
    if (!snapshot.MergeFromString(part->bytes))
      return absl::InternalError("a part that cannot be read again");
  }
  return snapshot;
}

void PartSet::WriteDifference(const HeldParts& held, Update& update) const {
  update.set_base(held.generation);
  absl::flat_hash_set<std::string_view> wanted;
  for (const PartPtr& part : parts_) {
    wanted.insert(part->hash);
    if (!held.hashes.contains(part->hash)) update.add_added(part->bytes);
  }
  for (const std::string& hash : held.hashes) {
    if (!wanted.contains(hash)) update.add_removed(hash);
  }
  update.set_digest(Digest());
}

std::string PartSet::Digest() const {
  std::vector<std::string_view> hashes;
  for (const PartPtr& part : parts_) hashes.push_back(part->hash);
  std::sort(hashes.begin(), hashes.end());
  std::string all;
  for (std::string_view hash : hashes) all += hash;
  return Sha256(all);
}

std::vector<std::string> PartSet::Hashes() const {
  std::vector<std::string> hashes;
  for (const PartPtr& part : parts_) hashes.push_back(part->hash);
  return hashes;
}

}  // namespace sluice::channel
