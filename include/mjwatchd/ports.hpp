// What the shell implements and tests fake: the four doors through which the core's decisions reach
// the world. All are asynchronous; every callback runs on the loop's thread, exactly once, never
// from inside the call that took it, and never after the port was destroyed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mjwatchd/change.hpp"
#include "mjwatchd/delivery.hpp"
#include "mjwatchd/event.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd {

/// A task as lists and `GET /v1/tasks/{id}` show it.
struct TaskView {
  TaskNo no = 0;
  TaskRecord record;
  Ending ending = Ending::none;
  std::uint32_t sequence = 0;           ///< recorded events so far
  std::optional<WallTime> finished_at;  ///< the gateway's finishTime
  std::optional<WallTime> ended_at;     ///< when we committed its end
  std::string metadata = "{}";
  std::string webhooks;  ///< JSON array as registered, without secrets; empty: the default list
  std::string object;    ///< the gateway's merged object, JSON; empty: never seen
  ImageResult images;
};

/// What was read. One that could not be read is empty and says so: that there is nothing is something else.
template <typename View>
struct Listing : std::vector<View> {
  Listing() = default;
  Listing(std::vector<View> read) : std::vector<View>(std::move(read)) {}  // NOLINT: a list is one that was read
  bool unread = false;
};

struct TaskQuery {
  std::string gateway;  ///< empty: any
  std::string id;       ///< empty: any
  std::optional<Status> status;
  std::optional<bool> active;            ///< true: not done; false: done
  std::optional<WallTime> ended_before;  ///< done, and its end was committed before this
  std::vector<std::string> words;        ///< each in the id, the prompt or the metadata, whatever its letters' case
  std::optional<WallTime> since, until;  ///< registered then or later; before then
  std::vector<Ending> endings;           ///< one of these; empty: any
  bool stalled = false;                  ///< only those said to be stalled
  bool pictures = false;                 ///< only those with a saved picture
  std::size_t limit = 100;               ///< at most 1000
  TaskNo after = 0;                      ///< cursor: newest first, numbers below this; 0: from the newest
  TaskNo above = 0;                      ///< only numbers above this: a bound on what is looked through
};

struct AttemptView {
  std::uint32_t number = 0;
  SendResult result;  ///< `answer` is kept for the first and the last failure
};

/// A delivery as `GET /v1/deliveries` shows it. `attempts` is filled for a single one only.
struct DeliveryView {
  DeliveryRecord record;
  TaskKey key;
  std::string webhook_id;
  std::string url;     ///< of a receiver given with a task; empty for a configured one
  std::string reason;  ///< held, dead: why
  WallTime created_at{};
  std::vector<AttemptView> attempts;
};

struct DeliveryQuery {
  std::optional<DeliveryNo> no;
  std::optional<DeliveryState> state;
  std::string endpoint;
  std::string gateway, id;  ///< of one task
  std::size_t limit = 100;
  DeliveryNo after = 0;  ///< cursor, as in TaskQuery
};

struct EventQuery {
  EventNo after = 0;  ///< events with greater numbers, oldest first
  std::string gateway, id;
  EventMask types = ~EventMask{0};
  std::size_t limit = 500;
};

struct EventPage {
  std::vector<CommittedEvent> events;
  bool gone = false;    ///< `after` is older than what is kept
  bool unread = false;  ///< as Listing's
};

/// What a sender needs for one attempt.
struct Outgoing {
  DeliveryNo no = 0;
  std::string webhook_id;
  std::string endpoint;  ///< configured endpoint's name, or empty for `target`
  WebhookTarget target;  ///< receiver given with the task, its secret in clear
  BodyFormat format = BodyFormat::standard;
  std::shared_ptr<const std::string> body;  ///< exact bytes
  bool ours = true;  ///< false: not to be sent now; another daemon may hold it, or it could not be read
};

struct StoreCounts {
  std::uint64_t watching = 0, saving = 0, late = 0, done = 0;
  std::uint64_t pending = 0, held = 0, dead = 0;
  std::optional<WallTime> oldest_pending;  ///< when the first pending delivery was made
  std::uint64_t bytes = 0;
  std::optional<std::uint64_t> free_bytes;  ///< left where it is kept; nothing: not known
  bool unread = false;                      ///< as Listing's
};

/// The watch list on disk. It, not memory, answers for existence.
///
/// Changes are applied in the order of commit() calls, many to a transaction; a callback comes only
/// after the transaction that holds its change is on disk. Reads see every change whose callback has run.
/// Bounded: at 10,000 changes waiting, commit() still takes the core's changes, and full() is true,
/// at which the shell turns new registrations away with 503.
class TaskStore {
 public:
  virtual ~TaskStore() = default;

  virtual void commit(Change change, std::function<void(CommitResult)> done) = 0;
  [[nodiscard]] virtual bool full() const = 0;

  /// Everything this daemon must take up: receivers, learned states, live tasks, pending
  /// deliveries, in that order, a bounded page at a time; an empty page ends it. A store that several
  /// daemons share goes on calling `page` after that, for as long as it is open, whenever tasks and
  /// deliveries come to this daemon or leave it, and whenever the daemons become more or fewer.
  virtual void adopt(std::function<void(std::vector<Event>)> page) = 0;
  /// What this daemon must let go of at once, for it was out of touch (stopped, cut off) for so long that
  /// others may have taken it over. Asked before each of the core's turns, so it costs next to nothing.
  [[nodiscard]] virtual std::vector<Event> lapsed() { return {}; }

  virtual void tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) = 0;
  virtual void deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) = 0;
  virtual void events(EventQuery query, std::function<void(EventPage)> done) = 0;
  /// Nothing when the delivery is gone, or its secret cannot be opened.
  virtual void outgoing(DeliveryNo no, std::function<void(std::optional<Outgoing>)> done) = 0;
  virtual void counts(std::function<void(StoreCounts)> done) = 0;
  /// Removes what is older than `before`, a bounded step at a time; answers how many tasks went.
  virtual void prune(WallTime before, std::function<void(std::size_t)> done) = 0;

  /// Waits for all that was asked, then closes. Blocking; no callback runs afterwards.
  virtual void close() = 0;
};

/// One task API. One call at a time is one HTTP exchange; nothing is retried here.
class Gateway {
 public:
  virtual ~Gateway() = default;
  virtual void fetch_batch(std::vector<std::string> ids, std::function<void(FetchReply)> done) = 0;
  virtual void fetch_one(std::string id, std::function<void(FetchReply)> done) = 0;
  /// Nothing when there is no seed (yet); `retry` says whether asking again can help.
  struct Seed {
    std::optional<std::string> seed;
    bool retry = false;
    std::string detail;
  };
  virtual void image_seed(std::string id, std::function<void(Seed)> done) = 0;
};

/// What saving one task's pictures starts from.
struct SaveOrder {
  TaskKey key;
  SaveMode mode = SaveMode::image;
  bool seed = false;
  std::string object;  ///< the gateway's merged object, JSON
  WallTime deadline{};
  bool last_chance = false;
};

struct SaveReport {
  SaveVerdict verdict = SaveVerdict::try_again;
  ImageResult result;
};

/// Pictures, fetched, verified and put in place. Nothing is reported saved before it is synced.
class ImageStore {
 public:
  virtual ~ImageStore() = default;
  virtual void save(SaveOrder order, std::function<void(SaveReport)> done) = 0;
};

/// Posts webhooks: signs the exact stored bytes and makes one attempt.
class Sender {
 public:
  virtual ~Sender() = default;
  virtual void send(Outgoing outgoing, std::function<void(SendResult)> done) = 0;
};

}  // namespace mjwatchd
