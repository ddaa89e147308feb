// The folder that holds the watch list, and the lock on it.
#pragma once

#include <filesystem>
#include <string>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::store {

/// Holds `folder`/lock as long as it lives, so that no two daemons write one watch list. The lock
/// is the kernel's and goes with the process, however it ends; the pid inside is for people.
class StateFolder {
 public:
  /// Makes the folder (0700) if it is absent, and an empty database file (0600) likewise. Throws
  /// std::runtime_error with what, where and the cure.
  explicit StateFolder(std::filesystem::path folder);
  /// The same without a database, for a watch list that is elsewhere.
  [[nodiscard]] static StateFolder without_database(std::filesystem::path folder);
  StateFolder(StateFolder&&) = default;

  /// A word that tells this folder from all others, made at its first use. Who holds the lock may take it that
  /// whoever bore it before is no more.
  [[nodiscard]] std::string identity() const;

  /// The database holds something from now on: an empty one will be taken for a lost one.
  void mark_used();

  [[nodiscard]] const std::filesystem::path& path() const { return folder_; }
  [[nodiscard]] std::filesystem::path database() const { return folder_ / "mjwatchd.db"; }

 private:
  StateFolder() = default;
  void make() const;
  void lock();
  void write_lock() const;
  void make_database() const;

  std::filesystem::path folder_;
  os::Descriptor lock_;
  bool used_ = false;  ///< by an earlier run, as its lock file says
};

}  // namespace mjwatchd::store
