// Pictures in a folder of this machine, or by way of one on a shelf elsewhere.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/http/client.hpp"
#include "daemon/images/disk_pause.hpp"
#include "daemon/images/file_worker.hpp"
#include "daemon/images/options.hpp"
#include "daemon/images/part_file.hpp"
#include "daemon/images/shelf.hpp"
#include "daemon/images/slots.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::images {

class Saving;

/// Fetches what an order wants, nearest deadline first, verifies it and puts it in place. Nothing
/// is retried over time here: the core decides when to order again. What an order got is reported
/// even when the rest is missing.
/// Loop thread only; `io`, `client` and the gateways of `options` must outlive it.
class DirectoryImageStore final : public ImageStore {
 public:
  /// Throws std::invalid_argument or std::system_error that say which setting cannot be used.
  DirectoryImageStore(asio::io_context& io, http::Client& client, Options options);
  ~DirectoryImageStore() override;
  DirectoryImageStore(const DirectoryImageStore&) = delete;
  DirectoryImageStore& operator=(const DirectoryImageStore&) = delete;

  /// At options.max_orders waiting, the order with the latest deadline is answered try_again.
  void save(SaveOrder order, std::function<void(SaveReport)> done) override;

  /// A file of ours with the bytes of a picture that is on the shelf; who asked removes it.
  void fetch(const SavedImage& image, std::function<void(std::string file, std::string error)> done);

  /// Takes away what was saved of tasks that go: files of ours only (see remove_picture), and objects of the
  /// present bucket that are still what was saved. `error` says why one could not be removed; then none after
  /// it was.
  void remove(std::vector<SavedImage> images, std::function<void(std::string error)> done);

  /// Why pictures are not saved now (a disk that is full or read-only, an object store that takes none);
  /// empty while they are.
  [[nodiscard]] const std::string& paused() const { return disk_.paused().empty() ? shelf_trouble_ : disk_.paused(); }
  /// The disk of the picture folder as of the last look, the first of which is at the start; nothing when it did
  /// not say.
  [[nodiscard]] const std::optional<Room>& room() const { return room_; }
  /// Looks again, on the worker's thread.
  void look_at_room();
  /// Orders that have not been answered.
  [[nodiscard]] std::size_t orders() const { return orders_.size(); }
  /// Since when the file worker has been at one job: says whether the disk hangs.
  [[nodiscard]] std::optional<FileWorker::Clock::time_point> disk_busy_since() const { return worker_.busy_since(); }

 private:
  friend class Saving;
  using OrderKey = std::pair<WallTime, std::uint64_t>;
  struct Waiting {
    std::shared_ptr<Saving> saving;
    std::function<void(SaveReport)> done;
  };
  void answer(const OrderKey& key, SaveReport report);
  void remove_shelved(std::vector<SavedImage> images, std::function<void(std::string error)> done);
  void make_room();
  void later(std::function<void(SaveReport)> done, SaveReport report);

  asio::io_context& io_;
  http::Client& client_;
  Options options_;
  std::map<std::string, GatewayOptions> gateways_;
  PictureFolder folder_;
  FileWorker worker_;
  std::unique_ptr<Shelf> shelf_;  ///< null: pictures stay in the folder
  DiskPause disk_;
  Slots slots_;
  std::size_t keeping_ = 0;    ///< pictures that are whole and wait for the disk or the shelf, without a slot
  std::string shelf_trouble_;  ///< of the last put, if it failed
  std::optional<Room> room_;
  bool looking_ = false;  ///< at the room
  std::uint64_t next_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<OrderKey, Waiting> orders_;
};

}  // namespace mjwatchd::images
