#include "daemon/store/postgres/common_key.hpp"

#include <stdexcept>

namespace mjwatchd::store::postgres {

void need_same_key(Connection& db, const webhooks::SecretBox& secrets) {
  constexpr const char* kContext = "the key of all daemons";
  db.run("INSERT INTO key_check(one, sealed) VALUES (1, ?) ON CONFLICT(one) DO NOTHING",
         Blob{secrets.seal("mjwatchd", kContext)});
  Rows row = db.exec("SELECT sealed FROM key_check", {});
  if (row.next() && secrets.open(row.text(0), kContext)) return;
  throw std::runtime_error(
      "store: secrets.key is not that of the other daemons of this watch list: copy theirs into state_dir, or give all "
      "the same as a credential of that name");
}

}  // namespace mjwatchd::store::postgres
