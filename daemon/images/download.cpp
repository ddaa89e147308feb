#include "daemon/images/download.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <utility>

#include "daemon/images/origin.hpp"

namespace mjwatchd::images {

using Kind = DownloadResult::Kind;
using http::Fault;

namespace {

// What is read and at least written at once, and what waits at most while the worker writes: large enough that the
// calls cost little beside the bytes, small enough that many downloads fit into a few megabytes. An exchange that is
// held has what it had read copied aside, so that more may wait than is written at once.
constexpr std::size_t kPiece = 256U << 10, kWaiting = 2 * kPiece;

/// What the guard says of a host that is an address, for when a proxy will connect to it.
std::optional<std::string> judge_literal(const http::AddressGuard& guard, std::string host) {
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  sockaddr_in four{};
  four.sin_family = AF_INET;
  if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) return guard(reinterpret_cast<const sockaddr&>(four));
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) return guard(reinterpret_cast<const sockaddr&>(six));
  return std::nullopt;
}

bool own_origin(const GatewayOptions& gateway, const std::string& url) {
  const auto theirs = origin_of(url);
  return theirs && theirs == origin_of(gateway.url);
}

/// "bytes 100-199/200" begins where we asked?
bool begins_at(std::string_view range, std::uint64_t offset) {
  if (!range.starts_with("bytes ")) return false;
  range.remove_prefix(6);
  std::uint64_t begin = 0;
  const auto [end, error] = std::from_chars(range.data(), range.data() + range.size(), begin);
  return error == std::errc() && end != range.data() + range.size() && *end == '-' && begin == offset;
}

std::string strong_validator(const http::Response& head) {
  const std::string_view tag = head.header("etag");
  if (tag.starts_with('"')) return std::string(tag);
  return tag.empty() ? std::string(head.header("last-modified")) : std::string();
}

}  // namespace

struct Download::Disk {
  TaskKey key;
  std::size_t index = 0;
  std::unique_ptr<PartFile> part;
  std::string bytes;  // being written; its room is used again
  std::string trouble;
  Verdict verdict;
  SavedImage image;
};

Download::Download(Place place, TaskKey key, std::size_t index, std::string url)
    : place_(place), source_(url), url_(std::move(url)), disk_(std::make_shared<Disk>()) {
  disk_->key = std::move(key);
  disk_->index = index;
}

Download::~Download() {
  if (call_) place_.client.cancel(*call_);
}

void Download::start(std::function<void()> whole, std::function<void(DownloadResult)> done) {
  whole_ = std::move(whole);
  done_ = std::move(done);
  run([folder = &place_.folder](Disk& disk) { disk.part = std::make_unique<PartFile>(*folder, disk.key, disk.index); },
      &Download::request);
}

/// Has the worker do `job`, then goes on with `next`, unless the disk failed.
void Download::run(std::function<void(Disk&)> job, void (Download::*next)()) {
  auto work = [disk = disk_, job = std::move(job)] {
    try {
      job(*disk);
    } catch (const DiskTrouble& trouble) {
      disk->trouble = trouble.text;
    } catch (const std::exception& error) {
      disk->trouble = error.what();
    }
  };
  auto then = [weak = weak_from_this(), next] {
    const auto self = weak.lock();
    if (!self || !self->done_) return;
    self->writing_ = false;
    if (!self->disk_->trouble.empty()) return self->finish(Kind::disk, self->disk_->trouble);
    ((*self).*next)();
  };
  writing_ = true;
  if (!place_.worker.post(std::move(work), std::move(then))) {
    writing_ = false;
    finish(Kind::temporary, "too much waits for the disk");
  }
}

/// Why this URL must not be asked at all.
std::optional<std::string> Download::refusal(bool own) const {
  const auto origin = origin_of(url_);
  if (!origin) return "not an http or https URL";
  if (own) return std::nullopt;
  if (origin->scheme == "http" && !(place_.options.allow_http && place_.options.allow_http(url_))) {
    return "plain http is allowed to the gateway itself and to images.allow only";
  }
  if (!place_.options.proxy.empty() && place_.options.guard) {
    return judge_literal(place_.options.guard, origin->host);
  }
  return std::nullopt;
}

void Download::request() {
  const bool own = own_origin(place_.gateway, url_);
  if (const auto why = refusal(own)) return finish(Kind::closed, *why);
  http::Request request;
  request.url = url_;
  request.headers.emplace_back("Accept: image/*, video/*");
  if (own && !place_.gateway.auth_header.empty()) request.headers.push_back(place_.gateway.auth_header);
  if (received_ > 0) {
    request.headers.push_back("Range: bytes=" + std::to_string(received_) + "-");
    request.headers.push_back("If-Range: " + validator_);
  }
  request.timeout = place_.options.timeout;
  request.stall_timeout = place_.options.stall_timeout;
  request.max_body = place_.options.max_size - std::min(received_, place_.options.max_size);
  request.keep_body = 0;
  request.read_at_once = kPiece;
  request.proxy = own ? place_.gateway.proxy : place_.options.proxy;
  if (own) request.ca_file = place_.gateway.ca_file;
  // With a proxy the address connected to is the proxy's, which the configuration chose.
  if (!own && request.proxy.empty()) request.guard = place_.options.guard;
  const auto weak = weak_from_this();
  request.on_head = [weak](const http::Response& head) {
    const auto self = weak.lock();
    return self && self->done_ && self->on_head(head);
  };
  request.on_body = [weak](std::string_view piece) {
    const auto self = weak.lock();
    return self && self->done_ && self->on_body(piece);
  };
  good_head_ = held_ = false;
  call_ = place_.client.start(std::move(request), [weak](http::Response response) {
    const auto self = weak.lock();
    if (!self) return;
    self->call_.reset();
    if (self->done_) self->on_response(std::move(response));
  });
}

/// Only a picture's bytes are taken: 200 from the beginning, 206 from where the file ends.
bool Download::on_head(const http::Response& head) {
  if (head.status == 206) {
    good_head_ = received_ > 0 && begins_at(head.header("content-range"), received_);
  } else if (head.status == 200) {
    good_head_ = true;
    if (received_ > 0) clear_ = true;
    received_ = 0;
    pending_.clear();
  }
  if (good_head_) validator_ = strong_validator(head);
  std::uint64_t length = 0;
  const std::string_view announced = head.header("content-length");
  std::from_chars(announced.data(), announced.data() + announced.size(), length);
  expected_ = good_head_ && length > 0 ? received_ + length : 0;
  return good_head_ && length <= place_.options.max_size - std::min(received_, place_.options.max_size);
}

bool Download::on_body(std::string_view piece) {
  if (!good_head_) return false;
  if (received_ + piece.size() > place_.options.max_size) return false;
  // Both of the two that take turns are made once, as large as they will be.
  if (pending_.capacity() < kWaiting) pending_.reserve(kWaiting + piece.size());
  pending_.append(piece);
  received_ += piece.size();
  if (pending_.size() >= kPiece) flush();
  if (!done_) return false;
  if (pending_.size() >= kWaiting && !held_) {
    held_ = true;
    place_.client.hold(*call_);
  }
  return true;
}

/// One write at a time is with the worker; what comes meanwhile goes together in the next.
void Download::flush() {
  if (writing_ || (pending_.empty() && !clear_)) return;
  std::swap(disk_->bytes, pending_);  // which is empty: the worker has done with it
  run(
      [clear = std::exchange(clear_, false), expected = expected_](Disk& disk) {
        if (clear) disk.part->clear();
        if (expected > 0 && disk.part->size() == 0) disk.part->expect(expected);
        disk.part->append(disk.bytes);
        disk.bytes.clear();
      },
      &Download::on_written);
}

void Download::on_written() {
  if (response_ || pending_.size() >= kPiece) flush();
  if (held_ && call_ && pending_.size() < kPiece) {
    held_ = false;
    place_.client.resume(*call_);
  }
  if (!writing_ && response_ && done_) judge();
}

void Download::on_response(http::Response response) {
  response_ = std::move(response);
  flush();
  if (!writing_ && done_) judge();
}

/// The exchange is over and every byte of it is written.
void Download::judge() {
  const http::Response& got = *response_;
  if (got.status >= 300 && got.status < 400 && !good_head_) return redirect();
  if (got.status != 0 && !good_head_) return on_status();
  if (got.fault == Fault::none) return check();
  on_fault();
}

void Download::on_status() {
  const int status = response_->status;
  if (status == 206 || status == 416) {  // not what was asked for: from the beginning
    if (again(false)) return;
  }
  const std::string said = "answered " + std::to_string(status);
  const bool passing = status == 408 || status == 425 || status == 429 || status == 206 || status == 416;
  if (status >= 400 && status < 500 && !passing) return finish(Kind::closed, said);
  finish(status >= 500 || passing ? Kind::temporary : Kind::nonsense, said);
}

void Download::on_fault() {
  const Fault fault = response_->fault;
  const std::string detail = response_->detail;
  const bool large = fault == Fault::too_large || (fault == Fault::aborted && good_head_);
  if (large) {
    return finish(Kind::closed, "larger than the " + std::to_string(place_.options.max_size) + " bytes allowed");
  }
  if (fault == Fault::refused_address) return finish(Kind::closed, "address refused: " + detail);
  if (fault == Fault::invalid_url) return finish(Kind::closed, "the URL cannot be used");
  // A large picture on a slow line must not begin anew each time.
  const bool goes_on = fault == Fault::timeout && received_ > 0 && !validator_.empty();
  if ((fault == Fault::broken || goes_on) && again(true)) return;
  finish(Kind::temporary, detail);
}

void Download::redirect() {
  const std::string to(response_->header("location"));
  const auto next = resolve(url_, to);
  if (!next) return finish(Kind::nonsense, "answered " + std::to_string(response_->status) + " without a place to go");
  if (redirects_left_-- == 0) return finish(Kind::closed, "too many redirects");
  url_ = *next;
  response_.reset();
  request();
}

/// Tries the same URL again, if that was not done too often: after the bytes that are there, if the
/// server can be asked for the rest of the same thing.
bool Download::again(bool keep_bytes) {
  if (retries_left_ == 0) return false;
  --retries_left_;
  response_.reset();
  if (received_ > 0 && (!keep_bytes || validator_.empty())) {
    received_ = 0;
    clear_ = true;
    run([](Disk& disk) { disk.part->clear(); }, &Download::request);
    clear_ = false;
  } else {
    request();
  }
  return true;
}

void Download::check() {
  run([](Disk& disk) { disk.verdict = disk.part->check(disk.image); }, &Download::on_checked);
}

void Download::on_checked() {
  const Verdict& verdict = disk_->verdict;
  if (!verdict.error.empty() || !verdict.type) {
    const std::string error = verdict.error;
    if (verdict.cut && again(false)) return;
    return finish(Kind::nonsense, error);
  }
  if (place_.shelf != nullptr) {
    shelve();
  } else {
    run([](Disk& disk) { disk.part->keep(*disk.verdict.type, disk.image); }, &Download::on_kept);
  }
  if (done_) std::exchange(whole_, nullptr)();  // after what is ours has got its place in the line
}

void Download::on_kept() { finish(Kind::saved, ""); }

/// The verified file goes on to where it stays; only then it is saved.
void Download::shelve() {
  const auto name = disk_->part->name_of(*disk_->verdict.type);
  disk_->image.path = place_.shelf->path_of(name);
  const auto keep = disk_;  // the file stays until the shelf is done with it, whatever becomes of us
  place_.shelf->put({disk_->part->path(), name, disk_->image},
                    [weak = weak_from_this(), keep](const std::string& error) {
                      const auto self = weak.lock();
                      if (!self || !self->done_) return;
                      self->finish(error.empty() ? Kind::saved : Kind::shelf, error);
                    });
}

void Download::finish(Kind kind, std::string error) {
  const auto keep = shared_from_this();
  if (call_) place_.client.cancel(*std::exchange(call_, std::nullopt));
  DownloadResult result;
  result.kind = kind;
  result.status = response_ ? response_->status : 0;
  if (kind == Kind::saved) {
    result.image = disk_->image;
    result.image.url = source_;
  } else {
    const bool theirs = kind != Kind::disk && kind != Kind::shelf;
    result.error = theirs ? shown(url_) + ": " + error : error;
    result.size = std::max(expected_, received_);
  }
  // The part file is removed by the worker; a full queue leaves that to the last owner.
  static_cast<void>(place_.worker.post([disk = disk_] { disk->part.reset(); }, nullptr));
  const auto done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace mjwatchd::images
