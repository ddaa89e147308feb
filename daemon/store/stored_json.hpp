// What is stored as JSON, because it is read and written as a whole.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mjwatchd/change.hpp"

namespace mjwatchd::store {

/// What a client said, key by key; the values are JSON already and are kept as texts.
[[nodiscard]] std::string encode_given(const std::map<std::string, std::string>& given);
[[nodiscard]] std::map<std::string, std::string> decode_given(const std::string& json);

[[nodiscard]] std::string encode_images(const ImageResult& images);
/// Empty when the text is none of ours.
[[nodiscard]] ImageResult decode_images(const std::string& json);

/// A registration's list of receivers as clients see it: names, and objects without secrets.
[[nodiscard]] std::string encode_receivers(const std::vector<WebhookTarget>& targets);

}  // namespace mjwatchd::store
