// One picture from one source into its place.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/http/client.hpp"
#include "daemon/images/file_worker.hpp"
#include "daemon/images/options.hpp"
#include "daemon/images/part_file.hpp"
#include "daemon/images/shelf.hpp"

namespace mjwatchd::images {

struct DownloadResult {
  enum class Kind : std::uint8_t {
    saved,
    closed,     ///< this source will not help again
    nonsense,   ///< it answered, but not with a whole picture
    temporary,  ///< not now
    disk,       ///< our disk cannot take it now
    shelf       ///< the shelf cannot
  };
  Kind kind = Kind::temporary;
  int status = 0;  ///< HTTP's, 0 when none came
  SavedImage image;
  std::uint64_t size = 0;  ///< of a picture that the disk did not take, as far as it is known
  std::string error;
};

/// Fetches, streams through the file worker, verifies and places. A broken transfer is resumed (or
/// begun anew) twice; redirects are followed three times, each judged like a new URL.
/// Loop thread only; all references must outlive it. Dropping it cancels the exchange and removes
/// the part file; its callback does not run then.
class Download : public std::enable_shared_from_this<Download> {
 public:
  struct Place {
    http::Client& client;
    FileWorker& worker;
    const PictureFolder& folder;
    const Options& options;
    const GatewayOptions& gateway;
    Shelf* shelf;  ///< null: the folder is where pictures stay
  };
  Download(Place place, TaskKey key, std::size_t index, std::string url);
  ~Download();
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  /// `done` runs once, later. `whole` runs at most once before it: the picture is here and verified, nothing more
  /// is fetched, and what is left waits for the disk or the shelf.
  void start(std::function<void()> whole, std::function<void(DownloadResult)> done);

 private:
  struct Disk;  // what the worker's jobs work on; the loop looks only between jobs

  void request();
  [[nodiscard]] std::optional<std::string> refusal(bool own) const;
  bool on_head(const http::Response& head);
  bool on_body(std::string_view piece);
  void flush();
  void on_written();
  void on_response(http::Response response);
  void judge();
  void on_fault();
  void on_status();
  void redirect();
  void check();
  void on_checked();
  void on_kept();
  void shelve();
  bool again(bool keep_bytes);
  void run(std::function<void(Disk&)> job, void (Download::*next)());
  void finish(DownloadResult::Kind kind, std::string error);

  Place place_;
  std::string source_, url_;
  std::function<void()> whole_;
  std::function<void(DownloadResult)> done_;
  std::shared_ptr<Disk> disk_;
  std::optional<http::Client::CallId> call_;
  std::optional<http::Response> response_;
  std::string pending_;         // bytes not yet with the worker; bounded, for the exchange is held
  std::string validator_;       // strong ETag or Last-Modified, for If-Range
  std::uint64_t received_ = 0;  // bytes of the picture, pending ones included
  std::uint64_t expected_ = 0;  // of the whole picture, as announced; 0: it was not
  bool writing_ = false, clear_ = false, good_head_ = false, held_ = false;
  int retries_left_ = 2, redirects_left_ = 3;
};

}  // namespace mjwatchd::images
