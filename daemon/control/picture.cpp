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

RangeVerdict judge(const SavedImage& image, const http::ServerRequest& request) {
  return judge_range({request.header("range"), request.header("if-range"), request.header("if-none-match")},
                     '"' + image.sha256 + '"', image.bytes);
}

/// The picture, or the part of it that was asked for, from a file that holds it whole.
http::ServerResponse serve(const SavedImage& image, const fs::path& file, const http::ServerRequest& request) {
  const auto verdict = judge(image, request);
  if (verdict.kind == RangeVerdict::Kind::unsatisfiable) {
    Problem problem{416, "The picture has " + std::to_string(image.bytes) + " bytes; the range lies outside.", {}, {}};
    return respond(problem.header("content-range", "bytes */" + std::to_string(image.bytes)));
  }
  http::ServerResponse response;
  response.headers = {
      {"etag", '"' + image.sha256 + '"'}, {"cache-control", "private, no-cache"}, {"accept-ranges", "bytes"}};
  if (verdict.kind == RangeVerdict::Kind::not_modified) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("content-type",
                                image.content_type.empty() ? "application/octet-stream" : image.content_type);
  response.headers.emplace_back("x-content-type-options", "nosniff");
  response.headers.emplace_back("content-disposition", "inline; filename=\"" + plain_name(image.path) + "\"");
  if (verdict.kind == RangeVerdict::Kind::part) {
    response.status = 206;
    const auto last = verdict.offset + verdict.length - 1;
    response.headers.emplace_back("content-range", "bytes " + std::to_string(verdict.offset) + "-" +
                                                       std::to_string(last) + "/" + std::to_string(image.bytes));
  }
  response.file = file.string();
  response.file_offset = verdict.offset;
  response.file_length = verdict.length;
  return response;
}

bool needs_bytes(const SavedImage& image, const http::ServerRequest& request) {
  const auto kind = judge(image, request).kind;
  return kind != RangeVerdict::Kind::not_modified && kind != RangeVerdict::Kind::unsatisfiable;
}

}  // namespace

std::variant<http::ServerResponse, SavedImage> answer_picture(const TaskView& task, std::size_t number,
                                                              const std::string& folder,
                                                              const http::ServerRequest& request) {
  const auto& images = task.images.images;
  if (number >= images.size()) return respond(no_picture(task, number));
  const auto& image = images[number];
  if (image.path.starts_with("s3://")) {
    if (needs_bytes(image, request)) return image;
    return serve(image, {}, request);
  }
  auto looked = find_file(image, folder);
  if (const auto* problem = std::get_if<Problem>(&looked)) return respond(*problem);
  return serve(image, std::get<Found>(looked).file, request);
}

http::ServerResponse answer_fetched(const SavedImage& image, const std::string& file, const std::string& error,
                                    const http::ServerRequest& request) {
  if (error.empty()) return serve(image, file, request);
  Problem problem{502, "The picture could not be brought from the object store: " + error, {}, {}};
  problem.with("path", image.path);
  return respond(problem);
}

std::optional<Problem> refuse_thumbnail(const TaskView& task, std::size_t number, const std::string& folder) {
  const auto& images = task.images.images;
  if (number >= images.size()) return no_picture(task, number);
  const auto& image = images[number];
  if (image.content_type.starts_with("video/")) return missing("A film has no thumbnail.");
  if (image.path.starts_with("s3://")) return std::nullopt;
  auto looked = find_file(image, folder);
  if (auto* const problem = std::get_if<Problem>(&looked)) return std::move(*problem);
  return std::nullopt;
}

http::ServerResponse answer_thumbnail(const SavedImage& image, const std::string& file, const std::string& error,
                                      const http::ServerRequest& request) {
  std::error_code gone;
  const auto size = error.empty() ? fs::file_size(file, gone) : 0;
  if (!error.empty() || gone) {
    Problem problem = missing("The picture has no thumbnail: " + (error.empty() ? gone.message() : error));
    return respond(problem.with("path", image.path));
  }
  http::ServerResponse response;
  const auto etag = "\"" + image.sha256 + "-small\"";
  response.headers = {{"etag", etag}, {"cache-control", "private, max-age=600"}};
  if (request.header("if-none-match") == etag) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("content-type", "image/webp");
  response.headers.emplace_back("x-content-type-options", "nosniff");
  response.file = file;
  response.file_length = size;
  return response;
}

}  // namespace mjwatchd::control
