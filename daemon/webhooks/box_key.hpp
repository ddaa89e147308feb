// The key under which secrets given over the socket are stored.
#pragma once

#include <filesystem>
#include <string>

namespace mjwatchd::webhooks {

/// 32 bytes, written as 64 hexadecimal digits in a file secrets.key: taken from
/// $CREDENTIALS_DIRECTORY (as secrets.key or credentials_secrets.key) if it is there, else from
/// `folder`, where it is made at the first start, readable by its owner only, and synced.
/// Throws std::runtime_error that says which file, what is wrong with it, and the cure.
[[nodiscard]] std::string load_box_key(const std::filesystem::path& folder);

}  // namespace mjwatchd::webhooks
