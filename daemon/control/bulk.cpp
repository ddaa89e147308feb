#include "daemon/control/bulk.hpp"

#include <asio/post.hpp>

#include "daemon/control/problem.hpp"

namespace mjwatchd::control {
namespace {

constexpr std::size_t kMostInFlight = 2000;    ///< of one request: the next ones come while the store writes a group
constexpr std::size_t kMostAtOnce = 2000;      ///< looked at in one turn of the loop
constexpr std::size_t kMostListed = 8U << 20;  ///< bytes of reasons in one answer
constexpr std::chrono::milliseconds kRoomWait{100};
constexpr int kMostRoomWaits = 100;  ///< ten seconds

std::string why_not(const CommitResult& result) {
  switch (result.code) {
    case CommitResult::Code::conflict:
      return "registered already, and asked for differently: " + result.detail;
    case CommitResult::Code::full:
      return result.detail.empty() ? "the store is at watch.store_max_size, and everything in it is live"
                                   : "it could not be stored: " + result.detail;
    default:
      return result.detail.empty() ? "it could not be stored" : "it could not be stored: " + result.detail;
  }
}

class ManyIds final : public BulkSource {
 public:
  explicit ManyIds(ManyTasks many) : many_(std::move(many)) {}
  std::optional<Item> next() override {
    if (at_ == many_.ids.size()) return std::nullopt;
    auto& id = many_.ids[at_++];
    Item item{std::move(id), 0, Refusal{}};
    if (auto why = refuse_id(item.id)) {
      item.wish = Refusal{"", *why};
    } else {
      auto registration = many_.common;
      registration.key.id = item.id;
      item.wish = std::move(registration);
    }
    return item;
  }

 private:
  ManyTasks many_;
  std::size_t at_ = 0;
};

}  // namespace

Bulk::Bulk(asio::io_context& io, Desk& desk, std::unique_ptr<BulkSource> source, std::function<void()> gone)
    : desk_(desk), source_(std::move(source)), gone_(std::move(gone)), patience_(io) {}

Bulk::~Bulk() {
  if (gone_) gone_();
}

void Bulk::pump() {
  if (pumping_ || waiting_ || posted_) return;
  pumping_ = true;
  bool more = true;
  std::size_t turns = 0;
  while (more && turns < kMostAtOnce && in_flight_ < kMostInFlight && !wait_for_room()) {
    auto item = source_->next();
    more = item.has_value();
    if (more) submit(std::move(*item));
    ++turns;
  }
  pumping_ = false;
  if (turns == kMostAtOnce && more) {  // the rejected ones cost time too: others are served first
    posted_ = true;
    asio::post(patience_.get_executor(), [self = shared_from_this()] {
      self->posted_ = false;
      self->pump();
    });
  }
  answer_if_done();
}

/// True when nothing can be passed on now; pump() is then called again later.
bool Bulk::wait_for_room() {
  if (desk_.closed().empty()) {
    waits_ = 0;
    return false;
  }
  if (waits_ >= kMostRoomWaits) return false;  // submit() rejects with the reason
  ++waits_;
  waiting_ = true;
  patience_.expires_after(kRoomWait);
  patience_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
    if (cancelled) return;
    self->waiting_ = false;
    self->pump();
  });
  return true;
}

void Bulk::submit(BulkSource::Item item) {
  if (const auto* wrong = std::get_if<Refusal>(&item.wish)) {
    reject(item, wrong->text());
    return;
  }
  if (const auto closed = desk_.closed(); !closed.empty()) {
    reject(item, closed + "; try again");
    return;
  }
  change::Register change{std::get<Registration>(std::move(item.wish)), desk_.wall()};
  item.wish = Refusal{};
  ++in_flight_;
  desk_.change(std::move(change), [self = shared_from_this(), item = std::move(item)](const CommitResult& result) {
    self->settled(item, result);
  });
}

void Bulk::settled(const BulkSource::Item& item, const CommitResult& result) {
  --in_flight_;
  if (result.code == CommitResult::Code::done) {
    ++accepted_;
  } else if (result.code == CommitResult::Code::existing) {
    ++existing_;
  } else {
    reject(item, why_not(result));
  }
  pump();
}

void Bulk::reject(const BulkSource::Item& item, const std::string& reason) {
  ++rejected_;
  if (listed_.size() > kMostListed) {
    ++unlisted_;
    return;
  }
  JsonText out;
  out.object().word("id", item.id.size() > 128 ? item.id.substr(0, 128) + "…" : item.id);
  if (item.line > 0) out.count("line", item.line);
  listed_ += (listed_.empty() ? "" : ",") + out.text("reason", reason).end_object().take();
}

void Bulk::finish(http::ResponderPtr to) {
  to_ = std::move(to);
  pump();
}

void Bulk::answer_if_done() {
  if (!to_ || in_flight_ > 0 || waiting_ || posted_) return;
  JsonText out;
  out.object().count("accepted", accepted_).count("existing", existing_);
  out.key("rejected").json("[" + listed_ + "]", "[]");
  if (unlisted_ > 0) out.count("rejected_not_listed", unlisted_);
  to_->reply(respond(200, out.end_object().take()));
  to_.reset();
}

std::unique_ptr<BulkSource> make_source(ManyTasks many) { return std::make_unique<ManyIds>(std::move(many)); }

}  // namespace mjwatchd::control
