#include "control/source/manifest_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/core/fd.h"

namespace sluice::source {
namespace {

namespace fs = std::filesystem;
using Identity = std::pair<dev_t, ino_t>;

bool IsManifest(const std::string& name) {
  return absl::EndsWith(name, ".yaml") || absl::EndsWith(name, ".yml") ||
         absl::EndsWith(name, ".json");
}

class Walk {
 public:
  explicit Walk(const FolderLimits& limits) : limits_(limits) {}

  // One folder, then what is below it.
  absl::Status Enter(const std::string& path, int depth) {
    struct stat about = {};
    if (::stat(path.c_str(), &about) != 0)
      return absl::ErrnoToStatus(errno, absl::StrCat("reading ", path));
    const Identity identity{about.st_dev, about.st_ino};
    if (std::ranges::find(above_, identity) != above_.end())
      return absl::OkStatus();  // a link led back
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      entries.push_back(*it);
    }
    if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("reading ", path));
    std::ranges::sort(entries);
    content_.folders.push_back(path);
    above_.push_back(identity);
    for (const fs::directory_entry& entry : entries) Take(entry, depth);
    above_.pop_back();
    return absl::OkStatus();
  }

  FolderContent Finish() && {
    std::ranges::sort(content_.files, {}, &gateway_api::File::path);
    return std::move(content_);
  }

 private:
  void Take(const fs::directory_entry& entry, int depth) {
    const std::string path = entry.path().string(), name = entry.path().filename().string();
    if (absl::StartsWith(name, ".")) return;
    std::error_code error;
    if (entry.is_directory(error)) {
      if (depth >= limits_.max_depth) return Report(path, "is nested too deeply; it is left out");
      if (absl::Status entered = Enter(path, depth + 1); !entered.ok())
        Report(path, entered.message());
    } else if (IsManifest(name)) {
      if (content_.files.size() >= limits_.max_files)
        return Report(path, "is one file too many; it is left out");
      if (entry.is_symlink(error)) content_.links.push_back(path);
      Read(path);
    }
  }

  void Read(const std::string& path) {
    const core::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about = {};
    if (!file.valid() || ::fstat(file.get(), &about) != 0) return ReportErrno(path);
    if (!S_ISREG(about.st_mode)) return Report(path, "is not a regular file; it is left out");
    gateway_api::File result{.path = path, .text = {}};
    char chunk[64 * 1024];
    for (ssize_t n; (n = ::read(file.get(), chunk, sizeof chunk)) != 0;) {
      if (n < 0) return ReportErrno(path);
      if (result.text.size() + static_cast<size_t>(n) > limits_.max_file_bytes) {
        return Report(path, absl::StrCat("is larger than ", limits_.max_file_bytes,
                                         " bytes; it is left out"));
      }
      result.text.append(chunk, static_cast<size_t>(n));
    }
    gateway_api::WipeMemory(chunk, sizeof chunk);  // it may have held a Secret
    content_.files.push_back(std::move(result));
  }

  void ReportErrno(const std::string& path) {
    Report(path, absl::StrCat("cannot be read: ",
                              std::error_code(errno, std::generic_category()).message()));
  }
  void Report(const std::string& path, std::string_view what) {
    content_.problems.push_back({.at = {.file = path}, .message = std::string(what)});
  }

  const FolderLimits& limits_;
  FolderContent content_;
  std::vector<Identity> above_;  // the folders that lead to the current one
};

}  // namespace

absl::StatusOr<FolderContent> ReadFolder(const std::string& path, const FolderLimits& limits) {
  Walk walk(limits);
  if (absl::Status entered = walk.Enter(path, 1); !entered.ok()) return entered;
  return std::move(walk).Finish();
}

}  // namespace sluice::source
