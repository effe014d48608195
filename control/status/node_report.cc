#include "control/status/node_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::status {
namespace {

using Json = nlohmann::json;

// Limits of the CRD.
constexpr size_t kMostVips = 1024, kMostInterfaces = 64, kMostVersions = 64;
constexpr size_t kLongestMessage = 1024, kLongestReason = 64, kLongestBuild = 128;

std::string Cut(std::string text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  text.resize(most);
  return text;
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

void PutText(Json& map, const char* key, const std::string& text, size_t most) {
  if (!text.empty()) map[key] = Cut(text, most);
}

Json VipJson(const NodeReport::Vip& vip) {
  Json json = {{"address", vip.address}, {"owned", vip.owned}, {"candidate", vip.candidate}};
  PutText(json, "interface", vip.interface, kLongestReason);
  if (vip.epoch > 0) json["epoch"] = vip.epoch;
  if (vip.since != absl::UnixEpoch()) json["since"] = Rfc3339(vip.since);
  return json;
}

// Owned ones first: there may be more than fit.
Json VipsJson(const std::vector<NodeReport::Vip>& vips) {
  Json list = Json::array();
  for (const bool owned : {true, false}) {
    for (const NodeReport::Vip& vip : vips) {
      if (vip.owned == owned && list.size() < kMostVips) list.push_back(VipJson(vip));
    }
  }
  return list;
}

template <typename T>
void Read(const Json& map, const char* key, T& out) {
  auto found = map.find(key);
  if (found == map.end()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    if (found->is_string()) out = found->template get<std::string>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (found->is_boolean()) out = found->template get<bool>();
  } else if constexpr (std::is_same_v<T, absl::Time>) {
    if (found->is_string()) {
      absl::ParseTime(absl::RFC3339_full, found->template get<std::string>(), &out, nullptr);
    }
  } else {
    if (found->is_number_integer()) out = found->template get<T>();
  }
}

template <typename F>
void ForEach(const Json& map, const char* key, F&& each) {
  auto found = map.find(key);
  if (found == map.end() || !found->is_array()) return;
  for (const Json& item : *found) {
    if (item.is_object()) each(item);
  }
}

}  // namespace

Json ToJson(const NodeReport& report, absl::Time reported) {
  Json json = {{"node", report.node},
               {"build", Cut(report.build, kLongestBuild)},
               {"generation", report.generation},
               {"eligible", report.eligible},
               {"leader", report.leader},
               {"problems", report.problems},
               {"lag", absl::StrCat(absl::ToInt64Milliseconds(report.lag), "ms")},
               {"reported", Rfc3339(reported)},
               {"vips", VipsJson(report.vips)},
               {"versions", Json::object()},
               {"interfaces", Json::array()}};
  PutText(json, "reason", report.reason, kLongestReason);
  PutText(json, "message", report.message, kLongestMessage);
  PutText(json, "refused", report.refused, kLongestMessage);
  for (const auto& [kind, version] : report.versions) {
    if (json["versions"].size() < kMostVersions) json["versions"][kind] = version;
  }
  for (const NodeReport::Interface& interface : report.interfaces) {
    if (json["interfaces"].size() == kMostInterfaces) break;
    json["interfaces"].push_back(
        {{"name", interface.name}, {"attach", interface.attach}, {"carrier", interface.carrier}});
  }
  return json;
}

std::optional<NodeReport> ReadNodeReport(std::string_view object) {
  const Json json = Json::parse(object, nullptr, /*allow_exceptions=*/false);
  auto status = json.is_object() ? json.find("status") : json.end();
  if (status == json.end() || !status->is_object()) return std::nullopt;
  NodeReport report;
  Read(*status, "node", report.node);
  if (report.node.empty()) return std::nullopt;
  Read(*status, "build", report.build);
  Read(*status, "generation", report.generation);
  Read(*status, "eligible", report.eligible);
  Read(*status, "reason", report.reason);
  Read(*status, "message", report.message);
  Read(*status, "refused", report.refused);
  Read(*status, "leader", report.leader);
  Read(*status, "problems", report.problems);
  std::string lag;
  Read(*status, "lag", lag);
  if (!absl::ParseDuration(lag, &report.lag)) report.lag = absl::ZeroDuration();
  if (auto versions = status->find("versions"); versions != status->end()) {
    for (const auto& [kind, version] : versions->items()) {
      if (version.is_string()) report.versions[kind] = version.get<std::string>();
    }
  }
  ForEach(*status, "vips", [&](const Json& item) {
    NodeReport::Vip& vip = report.vips.emplace_back();
    Read(item, "address", vip.address);
    Read(item, "interface", vip.interface);
    Read(item, "owned", vip.owned);
    Read(item, "candidate", vip.candidate);
    Read(item, "epoch", vip.epoch);
    Read(item, "since", vip.since);
  });
  ForEach(*status, "interfaces", [&](const Json& item) {
    NodeReport::Interface& interface = report.interfaces.emplace_back();
    Read(item, "name", interface.name);
    Read(item, "attach", interface.attach);
    Read(item, "carrier", interface.carrier);
  });
  return report;
}

}  // namespace sluice::status
