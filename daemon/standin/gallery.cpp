#include "daemon/standin/gallery.hpp"

#include <spdlog/spdlog.h>

#include <asio/post.hpp>
#include <cmath>

#include "daemon/standin/script.hpp"

namespace mjwatchd::standin {

namespace {
constexpr std::size_t kKeepBytes = 64U << 20;
}

/// What the loop's thread keeps; the worker never touches it.
struct Gallery::Shared {
  struct Kept {
    std::string key;
    Bytes bytes;
  };
  std::list<Kept> recent;  ///< newest first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_key;
  std::unordered_map<std::string, std::vector<std::function<void(Bytes)>>> waiting;
  std::size_t total = 0;

  void keep(const std::string& key, Bytes bytes) {
    total += bytes->size();
    recent.push_front(Kept{key, std::move(bytes)});
    by_key[key] = recent.begin();
    while (total > kKeepBytes && recent.size() > 1) {
      total -= recent.back().bytes->size();
      by_key.erase(recent.back().key);
      recent.pop_back();
    }
  }

  void drawn(const std::string& key, const Bytes& bytes) {
    if (bytes) keep(key, bytes);
    const auto found = waiting.find(key);
    if (found == waiting.end()) return;
    const auto those = std::move(found->second);
    waiting.erase(found);
    for (const auto& done : those) done(bytes);
  }
};

Gallery::Gallery(asio::io_context& io, GallerySettings settings)
    : io_(io), settings_(std::move(settings)), shared_(std::make_shared<Shared>()), worker_(1) {}

Gallery::~Gallery() {
  worker_.stop();
  worker_.join();
}

std::optional<PictureKind> Gallery::kind_of(const std::string& id) const {
  if (settings_.kinds.empty()) return std::nullopt;
  return settings_.kinds[digest(id, 3) % settings_.kinds.size()];
}

std::uint32_t Gallery::side_of(const std::string& id, PictureKind kind) const {
  if (settings_.bytes) return side_for(kind, *settings_.bytes);
  // Evenly on a logarithmic scale, as real ones are spread.
  const double share = static_cast<double>(digest(id, 5) % 1000) / 1000;
  return side_for(kind, static_cast<std::uint64_t>(1e5 * std::pow(20.0, share)));
}

void Gallery::get(const std::string& id, int number, PictureKind kind, std::function<void(Bytes)> done) {
  const auto side = side_of(id, kind);
  const std::string key = id + "/" + std::to_string(number) + std::string(extension(kind));
  if (const auto kept = shared_->by_key.find(key); kept != shared_->by_key.end()) {
    shared_->recent.splice(shared_->recent.begin(), shared_->recent, kept->second);
    done(kept->second->bytes);
    return;
  }
  auto& queue = shared_->waiting[key];
  queue.push_back(std::move(done));
  if (queue.size() > 1) return;
  asio::post(worker_, [&io = io_, shared = std::weak_ptr(shared_), key, id, number, kind, side] {
    Bytes bytes;
    try {
      bytes = std::make_shared<const std::string>(make_picture(kind, id, number, side));
    } catch (const std::exception& error) {
      spdlog::warn("picture {}: {}", key, error.what());
    }
    asio::post(io, [shared, key, bytes] {
      if (const auto alive = shared.lock()) alive->drawn(key, bytes);
    });
  });
}

}  // namespace mjwatchd::standin
