#include "daemon/images/saving.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "daemon/images/origin.hpp"

namespace mjwatchd::images {

using Kind = DownloadResult::Kind;

namespace {
constexpr int kSeedTries = 5;
constexpr std::size_t kLongestError = 600;
}  // namespace

Saving::Saving(DirectoryImageStore& store, DirectoryImageStore::OrderKey key, SaveOrder order,
               const GatewayOptions& gateway)
    : store_(store),
      key_(key),
      order_(std::move(order)),
      gateway_(gateway),
      seed_timer_(store.io_),
      end_timer_(store.io_) {}

Saving::~Saving() {
  if (keeping_) --store_.keeping_;
  if (waiting_) store_.slots_.forget(*waiting_);
}

void Saving::start() {
  plan_ = make_plan(order_, gateway::picture_links(order_.object), gateway_, store_.options_.clock());
  order_.object = {};  // not needed any more; thousands of orders may wait
  if (order_.seed && gateway_.gateway != nullptr) {
    seed_settled_ = false;
    ask_seed();
  }
  next();
}

/// Goes on with the wish at hand, or settles when there is none left.
void Saving::next() {
  if (wish_ == plan_.wishes.size()) return settle();
  const auto& sources = plan_.wishes[wish_].sources;
  if (source_ == sources.size()) return wish_failed();
  const auto origin = origin_of(sources[source_]);
  const std::string queue = origin ? origin->text() : "";
  waiting_ = store_.slots_.enter(order_.deadline, queue, [weak = weak_from_this(), queue] {
    const auto self = weak.lock();
    if (!self) return;
    self->waiting_.reset();
    self->slot_ = queue;
    self->fetch();
  });
  if (slot_) waiting_.reset();  // the turn came at once
}

void Saving::fetch() {
  if (!store_.disk_.paused().empty()) {
    // Later: whoever gave this turn may be in the middle of giving turns.
    return store_.worker_.later([weak = weak_from_this()] {
      if (const auto self = weak.lock(); self && !self->answered_) self->turn_away();
    });
  }
  began_ = std::chrono::steady_clock::now();
  download_ = std::make_shared<Download>(
      Download::Place{store_.client_, store_.worker_, store_.folder_, store_.options_, gateway_, store_.shelf_.get()},
      order_.key, wish_, plan_.wishes[wish_].sources[source_]);
  download_->start(
      [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_whole();
      },
      [weak = weak_from_this()](DownloadResult result) {
        if (const auto self = weak.lock()) self->on_download(std::move(result));
      });
}

/// The disk takes nothing now: no wish can be met.
void Saving::turn_away() {
  leave();
  note(store_.disk_.paused());
  try_again_ = true;
  settle();
}

/// While the disk syncs this one, another may be fetched; unless as many wait for the disk as may be fetched at once.
void Saving::on_whole() {
  if (!slot_ || store_.keeping_ == store_.options_.max_downloads) return;
  leave();
  ++store_.keeping_;
  keeping_ = true;
}

void Saving::leave() {
  if (std::exchange(keeping_, false)) --store_.keeping_;
  if (slot_) store_.slots_.leave(*std::exchange(slot_, std::nullopt));
}

void Saving::on_download(DownloadResult result) {
  download_.reset();
  leave();
  observe(result);
  if (answered_) return;
  if (result.kind != Kind::saved) return on_failure(std::move(result));
  store_.shelf_trouble_.clear();
  result_.images.push_back(std::move(result.image));
  ++wish_;
  source_ = 0;
  temporary_ = false;
  next();
}

void Saving::observe(const DownloadResult& result) const {
  static constexpr const char* kOutcomes[] = {"saved", "closed", "nonsense", "temporary", "disk", "disk"};
  if (!store_.options_.observe) return;
  store_.options_.observe(kOutcomes[static_cast<std::size_t>(result.kind)], result.image.bytes,
                          std::chrono::steady_clock::now() - began_);
}

void Saving::on_failure(DownloadResult result) {
  note(result.error);
  switch (result.kind) {
    case Kind::disk:
    case Kind::shelf:  // no other source helps
      if (result.kind == Kind::disk) store_.disk_.suspect(result.size);
      if (result.kind == Kind::shelf) store_.shelf_trouble_ = result.error;
      try_again_ = true;
      return settle();
    case Kind::closed:
      none_ = plan_.probe && result.status >= 400 && result.status < 500;
      break;
    case Kind::temporary:
      temporary_ = true;
      // The same source is worth waiting for, unless nobody will wait.
      if (!order_.last_chance) return wish_failed();
      break;
    case Kind::nonsense:
    case Kind::saved:
      temporary_ = true;
      break;
  }
  ++source_;
  next();
}

void Saving::wish_failed() {
  (temporary_ ? try_again_ : gone_) = true;
  ++wish_;
  source_ = 0;
  temporary_ = false;
  next();
}

void Saving::note(const std::string& error) {
  if (errors_.size() + error.size() > kLongestError) return;
  if (!errors_.empty()) errors_ += "; ";
  errors_ += error;
}

void Saving::ask_seed() {
  ++seed_tries_;
  gateway_.gateway->image_seed(order_.key.id, [weak = weak_from_this()](Gateway::Seed seed) {
    const auto self = weak.lock();
    if (self && !self->answered_) self->on_seed(std::move(seed));
  });
}

void Saving::on_seed(Gateway::Seed seed) {
  if (!seed.seed && seed.retry && seed_tries_ < kSeedTries) {
    seed_timer_.expires_after(store_.options_.seed_pause * (1 << (seed_tries_ - 1)));
    seed_timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
      const auto self = weak.lock();
      if (!error && self && !self->answered_) self->ask_seed();
    });
    return;
  }
  result_.seed = std::move(seed.seed);
  seed_settled_ = true;
  if (pictures_done_) answer();
}

/// The pictures are done with. An order that will come again does not wait for the seed.
void Saving::settle() {
  pictures_done_ = true;
  if (seed_settled_ || (try_again_ && !order_.last_chance)) return answer();
  end_timer_.expires_after(store_.options_.seed_wait);
  end_timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->answered_) self->answer();
  });
}

void Saving::give_way(std::string why) {
  try_again_ = true;
  note(why);
  answer();
}

void Saving::answer() {
  if (std::exchange(answered_, true)) return;
  const auto keep = shared_from_this();
  download_.reset();
  leave();
  SaveReport report;
  const bool none = none_ || plan_.wishes.empty();
  report.verdict = try_again_ ? SaveVerdict::try_again
                   : none     ? SaveVerdict::none
                   : gone_    ? SaveVerdict::gone
                              : SaveVerdict::saved;
  const bool missing = report.verdict == SaveVerdict::try_again || report.verdict == SaveVerdict::gone;
  report.result = std::move(result_);
  if (report.verdict == SaveVerdict::saved && !errors_.empty()) {
    spdlog::warn("the picture of {} was got another way than its first: {}", order_.key.id, errors_);
  }
  if (missing) report.result.error = errors_.empty() ? "no source for the picture" : errors_;
  store_.answer(key_, std::move(report));
}

}  // namespace mjwatchd::images
