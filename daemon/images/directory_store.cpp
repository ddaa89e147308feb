#include "daemon/images/directory_store.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <asio/post.hpp>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "daemon/images/removal.hpp"
#include "daemon/images/s3_shelf.hpp"
#include "daemon/images/saving.hpp"

namespace mjwatchd::images {

namespace {

// Most of a picture's time goes in waiting for its syncs, which the disk does together.
constexpr std::size_t kThreads = 4;

/// Each download has at most one job waiting, and as many more are being kept; the rest are removals of part files.
std::size_t worker_bound(const Options& options) { return options.max_downloads * 4 + 64; }

Options completed(Options options) {
  if (!options.clock) {
    options.clock = [] { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); };
  }
  return options;
}

/// Nothing when the disk does not say.
std::optional<Room> room_of(const PictureFolder& folder) {
  try {
    return folder.room();
  } catch (const DiskTrouble& trouble) {
    spdlog::debug("{}", trouble.text);
    return std::nullopt;
  }
}

}  // namespace

DirectoryImageStore::DirectoryImageStore(asio::io_context& io, http::Client& client, Options options)
    : io_(io),
      client_(client),
      options_(completed(std::move(options))),
      folder_(options_.directory, NamePattern(options_.name), options_.keep_free),
      worker_(io, worker_bound(options_), kThreads, [this] { folder_.remove_orphans(); }),
      disk_(io, worker_, folder_, options_.look_again, options_.resumed),
      slots_(options_.max_downloads, options_.max_per_origin) {
  for (GatewayOptions& gateway : options_.gateways) gateways_.emplace(gateway.name, gateway);
  if (gateways_.size() > 1 && !folder_.pattern.names_gateway()) {
    throw std::invalid_argument("images.name needs {gateway}: ids of several gateways are not distinct");
  }
  room_ = room_of(folder_);
  if (options_.s3) shelf_ = std::make_unique<S3Shelf>(io, client, worker_, *options_.s3, folder_.path);
}

DirectoryImageStore::~DirectoryImageStore() {
  *alive_ = false;
  orders_.clear();
}

void DirectoryImageStore::later(std::function<void(SaveReport)> done, SaveReport report) {
  asio::post(io_, [alive = alive_, done = std::move(done), report = std::move(report)]() mutable {
    if (*alive) done(std::move(report));
  });
}

void DirectoryImageStore::save(SaveOrder order, std::function<void(SaveReport)> done) {
  const auto gateway = gateways_.find(order.key.gateway);
  if (gateway == gateways_.end()) {
    SaveReport report;
    report.result.error = "gateway " + order.key.gateway + " is not configured";
    return later(std::move(done), std::move(report));
  }
  const OrderKey key{order.deadline, next_++};
  auto saving = std::make_shared<Saving>(*this, key, std::move(order), gateway->second);
  orders_.emplace(key, Waiting{saving, std::move(done)});
  if (orders_.size() > options_.max_orders) make_room();
  // Started from the loop, so that nothing is answered from inside this call.
  asio::post(io_, [alive = alive_, this, key] {
    if (!*alive) return;
    if (const auto waiting = orders_.find(key); waiting != orders_.end()) {
      const auto held = waiting->second.saving;
      held->start();
    }
  });
}

void DirectoryImageStore::remove(std::vector<SavedImage> images, std::function<void(std::string)> done) {
  const auto shelved = std::stable_partition(images.begin(), images.end(),
                                             [](const SavedImage& image) { return !image.path.starts_with("s3://"); });
  std::vector<SavedImage> rest(std::make_move_iterator(shelved), std::make_move_iterator(images.end()));
  images.erase(shelved, images.end());
  if (images.empty()) {
    return worker_.later([this, rest = std::move(rest), done = std::move(done)]() mutable {
      remove_shelved(std::move(rest), std::move(done));
    });
  }
  auto error = std::make_shared<std::string>();
  auto work = [this, images = std::move(images), error] {
    try {
      for (const SavedImage& image : images) {
        if (remove_picture(folder_, image) == Removal::foreign) {
          spdlog::info("{} is kept though its task goes: it is not the file that was saved", image.path);
        }
      }
    } catch (const DiskTrouble& trouble) {
      *error = trouble.text;
    } catch (const std::exception& failure) {
      *error = failure.what();
    }
  };
  auto then = [this, error, rest = std::move(rest), done] {
    if (!error->empty()) return done(std::move(*error));
    remove_shelved(rest, done);
  };
  if (worker_.post(std::move(work), std::move(then))) return;
  asio::post(io_, [alive = alive_, done] {
    if (*alive) done("too much waits for the disk");
  });
}

void DirectoryImageStore::look_at_room() {
  if (looking_) return;  // behind a disk that hangs one look is enough
  const auto found = std::make_shared<std::optional<Room>>();
  looking_ = worker_.post([this, found] { *found = room_of(folder_); },
                          [this, found] {
                            looking_ = false;
                            room_ = *found;
                          });
}

void DirectoryImageStore::remove_shelved(std::vector<SavedImage> images, std::function<void(std::string)> done) {
  if (images.empty()) return done({});
  if (!shelf_) {
    spdlog::info("{} stays though its task goes: images.directory names no object store now", images.back().path);
    return done({});
  }
  const SavedImage last = std::move(images.back());
  images.pop_back();
  shelf_->remove(last, [this, images = std::move(images), done = std::move(done)](const std::string& error) mutable {
    if (!error.empty()) return done(error);
    remove_shelved(std::move(images), std::move(done));
  });
}

void DirectoryImageStore::make_room() {
  const auto saving = std::prev(orders_.end())->second.saving;
  saving->give_way("too many pictures wait to be saved");
}

void DirectoryImageStore::answer(const OrderKey& key, SaveReport report) {
  const auto waiting = orders_.find(key);
  if (waiting == orders_.end()) return;
  auto done = std::move(waiting->second.done);
  orders_.erase(waiting);
  later(std::move(done), std::move(report));
}

void DirectoryImageStore::fetch(const SavedImage& image, std::function<void(std::string, std::string)> done) {
  if (shelf_) return shelf_->get(image, std::move(done));
  worker_.later([path = image.path, done = std::move(done)] {
    done({}, path + " is in an object store, but images.directory names a folder now");
  });
}

}  // namespace mjwatchd::images
