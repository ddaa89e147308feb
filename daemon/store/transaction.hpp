// Applying one change to the tables.
#pragma once

#include "daemon/store/rules.hpp"
#include "daemon/store/tables.hpp"
#include "daemon/webhooks/secret_box.hpp"
#include "mjwatchd/change.hpp"

namespace mjwatchd::store {

/// What a change is applied with, on the writer's thread, inside a transaction that is begun and
/// ended by the writer.
struct Transaction {
  Tables& tables;
  const webhooks::SecretBox& secrets;
  const StoreRules& rules;
  bool no_room = false;  ///< the store is at its size with live tasks only
};

/// Applies a change, or says why not; then nothing is written. Throws what the database throws and what the pure
/// functions it uses throw: then the caller takes back what was written so far. That is why the statements
/// of every day say OR FAIL: none of them needs a journal of its own to undo its part alone.
[[nodiscard]] CommitResult apply(Transaction& in, const Change& change);

[[nodiscard]] CommitResult apply(Transaction& in, const change::Register& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Task& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Forget& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::AddReceiver& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Delivery& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Replay& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Receiver& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Failing& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Test& change);
[[nodiscard]] CommitResult apply(Transaction& in, const change::Learned& change);

/// An answer without anything written.
[[nodiscard]] inline CommitResult only(CommitResult::Code code, std::string detail = {}) {
  CommitResult result;
  result.code = code;
  result.detail = std::move(detail);
  return result;
}

}  // namespace mjwatchd::store
