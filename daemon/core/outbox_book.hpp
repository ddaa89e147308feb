// Every pending delivery, small: entries in one slab, chained per (receiver, task).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/core/index_table.hpp"
#include "daemon/core/outbox_group.hpp"
#include "daemon/core/outbox_line.hpp"
#include "mjwatchd/delivery.hpp"
#include "mjwatchd/settings.hpp"

namespace mjwatchd::outbox {

/// queued     behind another of its chain
/// waiting    first of its chain, until `when`
/// ready      first, waits for its group
/// flying     sent, no result yet; `when` is the start
/// recording  a change about it is on its way to the disk
/// parked     first, its receiver is disabled or not configured: will be held; or waits for what was
/// vacant     nobody lives here
enum class Place : std::uint8_t { vacant, queued, waiting, ready, flying, recording, parked };

/// Whose a delivery is, as far as it is on its way or being written.
///   ours    what comes of it counts
///   gone    its task was released: it is let finish, and nothing follows from it
///   again   the same, and the store has given it to us anew since
enum class Claim : std::uint8_t { ours, gone, again };

/// One pending delivery. No strings: a million of these may be pending.
struct Entry {
  DeliveryNo no = 0;
  TaskNo task = 0;
  Time when{};
  std::uint32_t sequence = 0;
  Index receiver = kNone;
  Index next = kNone;            ///< later in the same chain
  std::uint32_t generation = 0;  ///< grows with each change of place, so that old references miss
  std::uint16_t attempts = 0;    ///< of a ladder of at most 100
  EventType type = EventType::test;
  Place place = Place::vacant;
  Claim claim = Claim::ours;  ///< another than ours only while flying or recording
};
static_assert(sizeof(Entry) <= 48);

/// All entries, in pieces that stay where they are: one of a million is never copied to make room.
class Slab {
 public:
  Entry& operator[](Index i) { return (*pieces_[i / kPiece])[i % kPiece]; }
  const Entry& operator[](Index i) const { return (*pieces_[i / kPiece])[i % kPiece]; }
  [[nodiscard]] Index size() const { return size_; }
  Index add() {
    if (size_ == pieces_.size() * kPiece) pieces_.push_back(std::make_unique<Piece>());
    return size_++;
  }

 private:
  static constexpr std::size_t kPiece = 1024;
  using Piece = std::array<Entry, kPiece>;
  std::vector<std::unique_ptr<Piece>> pieces_;
  Index size_ = 0;
};

struct Receiver {
  std::string name;
  Index group = kNone;
  bool configured = true;
  bool disabled = false;
  bool revive = false;        ///< deliveries are held that nothing holds any more: those are to be freed
  bool reviving = false;      ///< that is on its way to the disk
  bool warned = false;        ///< that it will be disabled
  bool on_record = false;     ///< the store knows since when it fails
  bool proxy_warned = false;  ///< that our proxy fails
  std::uint32_t pending = 0, in_flight = 0, held = 0;
  std::uint32_t failures_in_row = 0;
  std::optional<WallTime> last_success, first_failure;

  /// One of the configuration, not a URL that came with a task.
  [[nodiscard]] bool endpoint() const { return configured && !name.starts_with("url:"); }
  [[nodiscard]] bool blocked() const { return disabled || !configured; }
  /// What was held comes first: until it is back, nothing that may follow it is sent.
  [[nodiscard]] bool waits() const { return revive || reviving; }
};

struct Group {
  std::string name;
  SendGroup gate;
  Line ready;
  std::uint32_t receivers = 0;
  bool in_ring = false;
  Time timer = kNever;  ///< earliest timer set for it
};

/// Keeps entries, receivers and groups, and their links. Decides nothing.
class Book {
 public:
  explicit Book(const WebhookSettings& settings);
  Book(const Book&) = delete;
  Book& operator=(const Book&) = delete;

  [[nodiscard]] Index find(DeliveryNo no) const;
  /// Adds it, queued, in the order of its chain.
  Index add(const DeliveryRecord& record);
  /// Takes it out; answers the entry that is first of the chain now if it is queued, else kNone.
  Index remove(Index entry);
  void move(Index entry, Place place);
  [[nodiscard]] bool valid(Ref ref) const;
  [[nodiscard]] Ref ref(Index entry) const { return {entry, entries_[entry].generation}; }
  [[nodiscard]] bool first(Index entry) const;
  [[nodiscard]] Index first_of(Index receiver, TaskNo task) const;
  /// Every delivery of the task, chain by chain, each in its order.
  [[nodiscard]] std::vector<Index> all_of(TaskNo task) const;
  /// A final event of its task waits behind it, and it is of a kind that then says nothing new.
  [[nodiscard]] bool overtaken(Index entry) const;

  Entry& entry(Index i) { return entries_[i]; }
  [[nodiscard]] const Entry& entry(Index i) const { return entries_[i]; }
  [[nodiscard]] Index slots() const { return entries_.size(); }
  [[nodiscard]] std::size_t size() const { return by_no_.size(); }

  Receiver& receiver(Index i) { return receivers_[i]; }
  [[nodiscard]] const std::deque<Receiver>& receivers() const { return receivers_; }
  std::deque<Receiver>& receivers() { return receivers_; }
  Index intern(std::string_view name, std::string_view group);
  [[nodiscard]] Index find_receiver(std::string_view name) const;
  /// Forgets a receiver nothing points to and nothing must be remembered of.
  void release_if_idle(Index receiver, Time now);

  Group& group(Index i) { return groups_[i]; }
  [[nodiscard]] const Group& group(Index i) const { return groups_[i]; }
  [[nodiscard]] Index group_slots() const { return static_cast<Index>(groups_.size()); }

  void configure(const WebhookSettings& settings);
  void share(unsigned daemons, Time now);

 private:
  static std::size_t mixed(std::uint64_t value) {
    return static_cast<std::size_t>((value * 0x9e3779b97f4a7c15ULL) >> 20U);
  }
  static std::size_t hash(DeliveryNo no) { return mixed(static_cast<std::uint64_t>(no)); }
  /// Of a chain: by its task alone, so that the few chains of one task are found together.
  static std::size_t hash_of_task(TaskNo task) { return mixed(static_cast<std::uint64_t>(task)); }
  struct HashOfNo {
    const Slab* entries;
    std::size_t operator()(Index i) const { return hash((*entries)[i].no); }
  };
  struct HashOfChain {
    const Slab* entries;
    std::size_t operator()(Index i) const { return hash_of_task((*entries)[i].task); }
  };

  Index intern_group(std::string_view name);
  void release_group(Index group, Time now);
  void link(Index entry);
  /// Answers the entry that is first of the chain now, if this one was.
  Index unlink(Index entry);
  [[nodiscard]] bool is_configured(std::string_view name) const;
  [[nodiscard]] EndpointSettings limits_of(std::string_view group) const;

  std::map<std::string, EndpointSettings> endpoints_;
  unsigned daemons_ = 1;
  Slab entries_;
  Index free_entry_ = kNone;  ///< the first of those that nobody lives in, linked by `next`
  std::vector<Index> free_receivers_, free_groups_;
  IndexTable<HashOfNo> by_no_{HashOfNo{&entries_}};
  IndexTable<HashOfChain> chains_{HashOfChain{&entries_}};  ///< the first of each
  std::deque<Receiver> receivers_;                          ///< a name that is empty: nobody
  std::deque<Group> groups_;
  std::unordered_map<std::string, Index> receiver_by_name_, group_by_name_;
};

[[nodiscard]] bool is_final(EventType type);
[[nodiscard]] bool can_be_overtaken(EventType type);

}  // namespace mjwatchd::outbox
