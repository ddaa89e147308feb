#include "daemon/control/picture.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "daemon/control/byte_range.hpp"
#include "daemon/control/problem.hpp"
#include "daemon/control/views.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

namespace fs = std::filesystem;

Problem missing(std::string detail) { return Problem{404, std::move(detail), {}, {}}; }

/// Why a task has no such picture.
Problem no_picture(const TaskView& task, std::size_t number) {
  const auto& images = task.images.images;
  const auto& id = task.record.key.id;
  if (!images.empty()) {
    return missing(id + " has no picture " + std::to_string(number) + ": it has " + std::to_string(images.size()) +
                   ", counted from 0.");
  }
  if (task.images.error) return missing(id + " has no picture: " + *task.images.error);
  if (task.record.phase == Phase::saving)
    return missing("The pictures of " + id + " are being saved; wait for its end.");
  if (!has_ended(task)) return missing(id + " has not ended yet; ?wait= on the task tells when it has.");
  return missing(id + " has no picture: it has " + std::string(name(task.ending)) + ", and images.save was " +
                 std::string(name(task.record.save)) + ".");
}

/// Whether a file lies in a folder, both with every symbolic link followed.
bool lies_in(const fs::path& file, const std::string& folder) {
  std::error_code error;
  if (folder.empty()) return false;
  const auto root = fs::canonical(folder, error);
  if (error) return false;
  const auto [end, inside] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  return end == root.end() && inside != file.end();
}

struct Found {
  fs::path file;
  std::uint64_t size = 0;
};

std::variant<Found, Problem> find_file(const SavedImage& image, const std::string& folder) {
  if (image.path.starts_with("s3://")) {
    Problem problem = missing("The picture is in the object store, at " + image.path + ": fetch it from there.");
    problem.with("path", image.path);
    return problem;
  }
  std::error_code error;
  const auto file = fs::canonical(image.path, error);
  const auto size = error ? 0 : fs::file_size(file, error);
  if (error) {
    Problem problem = missing("The file " + image.path + " cannot be read: " + error.message() +
                              ". If it was moved away, refresh does not bring it back; its url may still work.");
    problem.with("path", image.path).with("url", image.url);
    return problem;
  }
  if (!lies_in(file, folder)) {
    Problem problem =
        missing("The file " + image.path + " lies outside of the present images.directory, so it is not served.");
    problem.with("path", image.path);
    return problem;
  }
  if (size != image.bytes) {
    Problem problem = missing("The file " + image.path + " has " + std::to_string(size) + " bytes, but " +
                              std::to_string(image.bytes) + " were saved: somebody changed it.");
    problem.with("path", image.path);
    return problem;
  }
  return Found{file, size};
}

/// A name for "save as", of characters that need no escaping.
std::string plain_name(const fs::path& file) {
  std::string name = file.filename().string();
  std::replace_if(
      name.begin(), name.end(),
      [](char c) {
        return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7E;
      },
      '_');
  return name;
}

}  // namespace

http::ServerResponse answer_picture(const TaskView& task, std::size_t number, const std::string& folder,
                                    const http::ServerRequest& request) {
  const auto& images = task.images.images;
  if (number >= images.size()) return respond(no_picture(task, number));
  const auto& image = images[number];
  auto looked = find_file(image, folder);
  if (const auto* problem = std::get_if<Problem>(&looked)) return respond(*problem);
  const auto& found = std::get<Found>(looked);
  const std::string etag = '"' + image.sha256 + '"';
  const auto verdict = judge_range(
      {request.header("range"), request.header("if-range"), request.header("if-none-match")}, etag, found.size);
  if (verdict.kind == RangeVerdict::Kind::unsatisfiable) {
    Problem problem{416, "The picture has " + std::to_string(found.size) + " bytes; the range lies outside.", {}, {}};
    return respond(problem.header("content-range", "bytes */" + std::to_string(found.size)));
  }
  http::ServerResponse response;
  response.headers = {{"etag", etag}, {"cache-control", "private, no-cache"}, {"accept-ranges", "bytes"}};
  if (verdict.kind == RangeVerdict::Kind::not_modified) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("content-type",
                                image.content_type.empty() ? "application/octet-stream" : image.content_type);
  response.headers.emplace_back("x-content-type-options", "nosniff");
  response.headers.emplace_back("content-disposition", "inline; filename=\"" + plain_name(found.file) + "\"");
  if (verdict.kind == RangeVerdict::Kind::part) {
    response.status = 206;
    const auto last = verdict.offset + verdict.length - 1;
    response.headers.emplace_back("content-range", "bytes " + std::to_string(verdict.offset) + "-" +
                                                       std::to_string(last) + "/" + std::to_string(found.size));
  }
  response.file = found.file.string();
  response.file_offset = verdict.offset;
  response.file_length = verdict.length;
  return response;
}

}  // namespace mjwatchd::control
