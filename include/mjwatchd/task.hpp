// What is watched: a task of a gateway, how it was registered, and what was last seen of it.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mjwatchd/shared_text.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd {

/// A task is one (gateway, id): ids are not unique across servers.
/// `id` is 1–128 of A-Z a-z 0-9 _ . : - and neither "." nor ".."; whoever makes a key has checked it.
struct TaskKey {
  std::string gateway;
  std::string id;
  auto operator<=>(const TaskKey&) const = default;
};

/// The gateway's word for where a task stands. The seven of the API, and `unknown` for any other
/// word (null, "", "QUEUED", …), which is treated as still running.
enum class Status : std::uint8_t { unknown, not_start, submitted, modal, in_progress, success, failure, cancel };

/// Only the gateway's own word ends a task; "100%" does not.
[[nodiscard]] constexpr bool is_final(Status status) {
  return status == Status::success || status == Status::failure || status == Status::cancel;
}

/// Where the daemon stands with a task.
///   watching  asked for until it ends
///   saving    SUCCESS is committed, the pictures are not in place yet, nothing is announced
///   late      success was announced with image_error; the pictures are still tried for, quietly
///   done      nothing more is asked of anyone
enum class Phase : std::uint8_t { watching, saving, late, done };

/// How a task ended, as users are told. `none` while it has not.
enum class Ending : std::uint8_t { none, succeeded, failed, cancelled, expired, lost };

/// What happened to a task, as webhooks and event streams name it ("task.succeeded", …).
/// `test` is "webhook.test" and belongs to no task.
enum class EventType : std::uint8_t {
  started,
  progress,
  modal,
  images,
  succeeded,
  failed,
  cancelled,
  stalled,
  expired,
  lost,
  test
};

/// A set of event types, one bit each: bit n is EventType n.
using EventMask = std::uint32_t;
[[nodiscard]] constexpr EventMask mask_of(EventType type) { return EventMask{1} << static_cast<unsigned>(type); }

/// Which files of a finished task are saved.
enum class SaveMode : std::uint8_t { image, all, video, none };

/// How a webhook's body is written (WEBHOOK formats of the configuration).
enum class BodyFormat : std::uint8_t { standard, cloudevents, notify_hook };

/// One receiver of a task's webhooks: a configured endpoint by name, or a URL given with the task.
struct WebhookTarget {
  std::string endpoint;             ///< name of a configured endpoint; empty for a URL
  std::string url;                  ///< empty for a configured endpoint
  std::string secret;               ///< whsec_… or whsk_…, in clear only in memory; empty for notify-hook
  std::optional<EventMask> events;  ///< this receiver's own filter
  BodyFormat format = BodyFormat::standard;
};

/// What an app asked for. `given` is what it said, key by key, each value as canonical JSON (object
/// keys sorted, no white space; a webhook's secret replaced by "sha256:<hex>"): "the same again"
/// means that every key given now equals the one stored. The decoded members serve the daemon.
struct Registration {
  TaskKey key;
  std::map<std::string, std::string> given;
  std::optional<std::vector<WebhookTarget>> webhooks;  ///< nothing: the configuration's default list
  std::optional<EventMask> events;
  std::string action;                        ///< IMAGINE, UPSCALE, …; empty when not said
  std::optional<WallTime> submitted_at;      ///< by the app's clock
  std::string metadata = "{}";               ///< JSON text, at most 16 KiB
  std::optional<SaveMode> save;              ///< nothing: images.save
  std::optional<milliseconds> expire_after;  ///< nothing: watch.expire_after
};

/// What one reply said of one task. Made by the gateway's codec, which keeps every field.
struct Snapshot {
  std::string id;
  Status status = Status::unknown;
  std::string action;                    ///< as the gateway wrote it; may be empty
  std::optional<std::uint8_t> progress;  ///< 0–100; nothing when the gateway did not say a number
  std::optional<WallTime> submitted;     ///< submitTime, by the gateway's clock
  std::optional<WallTime> started;       ///< startTime
  std::optional<WallTime> finished;      ///< finishTime
  /// Digest of everything that counts as a change: status, progress, failReason, buttons, … but not
  /// what differs at each look without meaning (imageUrl while running).
  std::uint64_t digest = 0;
  SharedText json;  ///< the gateway's object, every field it sent; may be a part of the whole reply
};

/// A picture under its final name (or in the object store), complete, verified and synced.
struct SavedImage {
  std::string path;  ///< absolute, or s3://…
  std::string url;   ///< where it came from
  std::string sha256;
  std::uint64_t bytes = 0;
  std::string content_type;
  std::uint32_t width = 0;  ///< 0 when not known
  std::uint32_t height = 0;
};

/// What the core keeps of a task, and what it is told when it adopts one.
struct TaskRecord {
  TaskKey key;
  Phase phase = Phase::watching;
  Status status = Status::unknown;
  std::string action;
  std::optional<std::uint8_t> progress;
  std::uint64_t digest = 0;  ///< of the last snapshot committed; 0: never seen
  SaveMode save = SaveMode::image;
  bool seed = false;     ///< image-seed is wanted too
  bool stalled = false;  ///< task.stalled was said since the last change
  WallTime registered_at{};
  WallTime expire_at{};
  WallTime changed_at{};                 ///< last change of status or progress, or registration
  std::optional<WallTime> submitted_at;  ///< the gateway's, else the app's
  std::optional<WallTime> started_at;
  WallTime success_at{};                    ///< phase saving and late: when SUCCESS was committed
  std::optional<WallTime> link_expires_at;  ///< earliest `ex=` among the picture links
};

}  // namespace mjwatchd
