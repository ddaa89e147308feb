// What the control API asks of the daemon behind it. The runtime implements it; tests fake it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/page/history.hpp"
#include "daemon/store/sharing.hpp"
#include "mjwatchd/outbox.hpp"
#include "mjwatchd/ports.hpp"
#include "mjwatchd/watcher.hpp"

namespace mjwatchd::control {

/// A part of the daemon that does not move although there is work, or something an operator should
/// see to. `part` is "loop", "store", "files", "sender", "polling" (these are ours: healthz fails), or
/// "gateway:NAME", "endpoint:NAME", "disk", "pictures" (readyz and status only).
struct Trouble {
  std::string part;
  std::string text;  ///< one line: what is wrong, and what to do
  bool ours = false;
};

struct EndpointView {
  std::string name;
  std::string url;     ///< without user info or query: those may hold secrets
  std::string format;  ///< "standard", …; empty for a receiver given with a task
  bool configured = true;
  ReceiverView receiver;
  std::uint64_t delivered = 0, failed = 0;  ///< attempts since the start; counted for configured ones
};

struct GatewayStatus {
  GatewayView view;
  std::string url;
  std::size_t batch = 0;
  std::uint32_t max_calls_per_minute = 0;
};

/// A reload that left the old configuration in force.
struct RefusedReload {
  WallTime at{};
  std::vector<std::string> mistakes;  ///< as --check writes them
};

/// What `GET /v1/status` is made of.
struct StatusView {
  WallTime started_at{};
  WallTime now{};
  bool ready = false;     ///< everything on disk was taken up
  bool stopping = false;  ///< no new work is begun
  StoreCounts counts;
  std::size_t saving = 0, sending = 0;
  std::optional<store::Sharing> sharing;  ///< nothing: the watch list is this daemon's alone
  std::vector<Trouble> troubles;
  std::string configuration;  ///< the file
  std::optional<RefusedReload> refusal;
};

/// Loop thread only. Every callback runs on that thread, once, never from inside the call.
class Desk {
 public:
  virtual ~Desk() = default;

  /// Registers, forgets, adds a receiver, replays, enables, disables, tests: answered when it is
  /// committed (or why not). The core hears of it first.
  virtual void change(Change change, std::function<void(CommitResult)> done) = 0;
  /// Asks the gateway now, or tries missing pictures again; `record` is what tasks() answered.
  virtual void refresh(const TaskRecord& record, bool pictures_missing) = 0;

  virtual void tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) = 0;
  virtual void deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) = 0;
  virtual void events(EventQuery query, std::function<void(EventPage)> done) = 0;
  virtual void status(std::function<void(StatusView)> done) = 0;
  /// In Prometheus' text format. Answered within seconds, even while the store hangs.
  virtual void metrics(std::function<void(std::string)> done) = 0;

  /// Why no registration is taken just now ("starting", "stopping", "too many registrations are
  /// waiting for the disk"); empty when they are. The answer is 503 with Retry-After.
  [[nodiscard]] virtual std::string closed() const = 0;
  /// Why nothing that is on disk only can be shown just now; empty when it can. The same answer.
  [[nodiscard]] virtual std::string away() const = 0;
  /// Configured gateways, the default one first.
  [[nodiscard]] virtual std::vector<GatewayStatus> gateways() const = 0;
  [[nodiscard]] virtual bool has_gateway(std::string_view name) const = 0;
  /// Never empty.
  [[nodiscard]] virtual std::string default_gateway() const = 0;
  [[nodiscard]] virtual bool has_endpoint(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<EndpointView> endpoints() const = 0;
  /// Why a webhook URL given with a task cannot be used; nothing when it can.
  [[nodiscard]] virtual std::optional<std::string> refuse_webhook_url(std::string_view url) const = 0;
  /// The folder pictures are served from; a saved path outside of it is not served. Empty: none.
  [[nodiscard]] virtual std::string picture_folder() const = 0;
  /// Brings a picture from the object store into a file of ours, which the caller removes; `file` is
  /// empty when `error` says why it can't be had.
  virtual void fetch_picture(const SavedImage& image,
                             std::function<void(std::string file, std::string error)> done) = 0;
  /// Makes a picture small, once: `file` is a WebP, empty when `error` says why there is none. The picture's
  /// file, if it is one, has been judged by the caller.
  virtual void thumbnail(const SavedImage& image, std::function<void(std::string file, std::string error)> done) = 0;
  /// How the gateways were in the last day.
  [[nodiscard]] virtual const page::History& history() const = 0;
  /// The wall clock.
  [[nodiscard]] virtual WallTime wall() const = 0;
};

}  // namespace mjwatchd::control
