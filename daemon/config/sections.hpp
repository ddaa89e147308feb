// Reads each part of the file into its settings. Every function takes all its keys, checks each value
// by itself, and what it can between the values of its own part.
#pragma once

#include "daemon/config/config.hpp"
#include "daemon/config/section.hpp"

namespace mjwatchd::config {

void read_control(Section control, Control& out);
void read_gateways(Section& top, Config& out);
void read_watch(Section watch, Config& out);
void read_images(Section images, Config& out);
void read_webhooks(Section webhooks, const std::filesystem::path& beside, Webhooks& out);
void read_log(Section log, Log& out);

/// A user's name for a gateway or an endpoint: 1–64 of A-Z a-z 0-9 _ . - beginning with a letter or digit, so that
/// it can be a folder's name and a part of a URL.
[[nodiscard]] bool is_name(std::string_view name);

/// A proxy's URL, checked: http, https or socks5h.
void read_proxy(Section& section, std::string& out);

/// A file named by the operator, other than a secret: relative to the configuration file. One that
/// can't be read is worth a warning, for it may appear later.
void read_file_name(Section& section, std::string_view key, const std::filesystem::path& beside, std::string& out);

/// Ranges of addresses, each with its prefix length.
void read_ranges(Section& section, std::string_view key, std::vector<std::string>& out);

}  // namespace mjwatchd::config
