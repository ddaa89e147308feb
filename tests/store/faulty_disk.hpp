// A disk that fails when it is told to.
#pragma once

#include <sqlite3.h>

namespace mjwatchd::store::test {

/// SQLite's own file layer with faults, in force for what is opened while this lives. One at a time.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  /// SQLite's code that writing or syncing answers from now on; SQLITE_OK: none.
  void writes_to_log(int code);
  void syncs_of_log(int code);
  void syncs_of_file(int code);
  void reads_of_file(int code);
  /// While held, a sync of the log does not come back.
  void hold_syncs(bool hold);
  /// How often the log was synced.
  [[nodiscard]] int log_syncs() const;
};

}  // namespace mjwatchd::store::test
