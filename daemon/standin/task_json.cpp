#include "daemon/standin/task_json.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cctype>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::standin {

namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

std::string hex(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; number >>= 4U) text[i] = "0123456789abcdef"[number & 15U];
  return text;
}

/// A UUID as buttons and file names carry it, made from the id.
std::string hash_of(const std::string& id) {
  const auto text = hex(digest(id, 21), 16) + hex(digest(id, 22), 16);
  return text.substr(0, 8) + "-" + text.substr(8, 4) + "-4" + text.substr(13, 3) + "-a" + text.substr(17, 3) + "-" +
         text.substr(20, 12);
}

std::string snowflake(const std::string& id, std::uint64_t salt) {
  return std::to_string(1'100'000'000'000'000'000ULL + digest(id, salt) % 100'000'000'000'000'000ULL);
}

class TaskWriter {
 public:
  TaskWriter(const BookedTask& task, const Frame& frame, const Misbehaviour& misbehaviour)
      : script_(task.script), frame_(frame), misbehaviour_(misbehaviour), sight_(task.at(frame.now)) {}

  std::string write() {
    out_.StartObject();
    identity();
    times();
    progress();
    pictures();
    write_maybe_text("buttons", [this](Writer& to) { buttons(to); });
    write_maybe_text("properties", [this](Writer& to) { properties(to); });
    out_.EndObject();
    return buffer_.GetString();
  }

 private:
  [[nodiscard]] bool succeeded() const { return sight_.status == "SUCCESS"; }

  void text(const char* key, const std::string& value) {
    out_.Key(key);
    out_.String(value);
  }

  void identity() {
    out_.Key("id");
    const bool digits = !script_.id.empty() && script_.id.size() <= 18 && script_.id.front() != '0' &&
                        std::all_of(script_.id.begin(), script_.id.end(), is_digit);
    if (digits && misbehaviour_.on("numbers")) {
      out_.RawValue(script_.id.data(), script_.id.size(), rapidjson::kNumberType);
    } else {
      out_.String(script_.id);
    }
    text("action", script_.action);
    text("prompt", script_.prompt);
    text("promptEn", script_.prompt);
    text("description", "/imagine " + script_.prompt);
    text("state", "");
  }

  void time(const char* key, std::optional<Moment> when) {
    out_.Key(key);
    if (!when) {
      out_.Null();
      return;
    }
    const auto ms = when->time_since_epoch().count();
    out_.Int64(misbehaviour_.on("seconds") ? ms / 1000 : ms);
  }

  void times() {
    time("submitTime", sight_.submitted);
    time("startTime", sight_.started);
    time("finishTime", sight_.finished);
  }

  void progress() {
    std::string status = sight_.status;
    if (misbehaviour_.on("lower")) {
      for (auto& c : status) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    text("status", status);
    const bool hidden = misbehaviour_.on("no-progress") && !sight_.finished;
    text("progress", hidden ? "" : sight_.progress);
    out_.Key("failReason");
    if (sight_.status == "FAILURE") {
      out_.String(script_.fail_reason.empty() ? "Invalid Form Body" : script_.fail_reason);
    } else {
      out_.Null();
    }
  }

  /// Links expire as Discord's do: `ex` is their end in hexadecimal Unix seconds.
  std::string link(int number, PictureKind kind) {
    auto expiry = sight_.finished.value_or(frame_.now) + frame_.link_life;
    if (misbehaviour_.on("expired")) expiry = sight_.finished.value_or(frame_.now) - std::chrono::hours(1);
    const auto ex = static_cast<std::uint64_t>(expiry.time_since_epoch().count() / 1000);
    return frame_.base + "/cdn/attachments/" + script_.id + "/" + std::to_string(number) +
           std::string(extension(kind)) + "?ex=" + hex(ex, 8) + "&is=" + hex(ex - 86400, 8) +
           "&hm=" + hex(digest(script_.id, ex), 16) + "&";
  }

  void pictures() {
    const bool shown = succeeded() && has_pictures(script_) && frame_.kind.has_value();
    const bool previews = sight_.status == "IN_PROGRESS" && !sight_.progress.empty() && sight_.progress != "0%" &&
                          has_pictures(script_) && frame_.kind.has_value();
    const bool video = script_.action == "VIDEO";
    out_.Key("imageUrl");
    if (shown) {
      out_.String(link(0, video ? PictureKind::jpeg : *frame_.kind));
    } else if (previews) {
      // A running task's link differs at each look.
      out_.String(link(0, PictureKind::webp) + "rand=" +
                  hex(digest(script_.id, static_cast<std::uint64_t>(frame_.now.time_since_epoch().count())), 8));
    } else {
      out_.Null();
    }
    out_.Key("videoUrl");
    if (shown && video) {
      out_.String(link(0, PictureKind::mp4));
    } else {
      out_.Null();
    }
    out_.Key("imageUrls");
    out_.StartArray();
    for (int n = 1; shown && n <= picture_count(script_); ++n) {
      out_.StartObject();
      text("url", link(n, *frame_.kind));
      text("thumbnail", link(n, PictureKind::webp));
      out_.EndObject();
    }
    out_.EndArray();
    if (shown && *frame_.kind != PictureKind::mp4) {
      out_.Key("imageWidth");
      out_.Uint(frame_.side);
      out_.Key("imageHeight");
      out_.Uint(frame_.side);
    }
  }

  /// A value, or its JSON in a string when `strings` is on.
  template <typename Write>
  void write_maybe_text(const char* key, Write write) {
    rapidjson::StringBuffer inner;
    Writer to(inner);
    write(to);
    out_.Key(key);
    if (misbehaviour_.on("strings")) {
      out_.String(inner.GetString(), static_cast<rapidjson::SizeType>(inner.GetSize()));
    } else {
      out_.RawValue(inner.GetString(), inner.GetSize(), rapidjson::kObjectType);
    }
  }

  void button(Writer& to, const std::string& custom_id, const char* label, const char* emoji) {
    to.StartObject();
    to.Key("customId");
    to.String(custom_id);
    to.Key("emoji");
    to.String(emoji);
    to.Key("label");
    to.String(label);
    to.Key("type");
    to.Int(2);
    to.Key("style");
    to.Int(2);
    to.EndObject();
  }

  void buttons(Writer& to) {
    to.StartArray();
    if (succeeded() && (script_.action == "IMAGINE" || script_.action == "VARIATION" || script_.action == "BLEND")) {
      const auto hash = hash_of(script_.id);
      for (int n = 1; n <= 4; ++n) {
        const auto number = std::to_string(n);
        button(to, "MJ::JOB::upsample::" + number + "::" + hash, ("U" + number).c_str(), "");
      }
      button(to, "MJ::JOB::reroll::0::" + hash + "::SOLO", "", "🔄");
      for (int n = 1; n <= 4; ++n) {
        const auto number = std::to_string(n);
        button(to, "MJ::JOB::variation::" + number + "::" + hash, ("V" + number).c_str(), "");
      }
    }
    to.EndArray();
  }

  void properties(Writer& to) {
    const auto put = [&to](const char* key, const std::string& value) {
      to.Key(key);
      to.String(value);
    };
    to.StartObject();
    put("botType", "MID_JOURNEY");
    put("discordInstanceId", snowflake("instance", 1));
    put("nonce", snowflake(script_.id, 2));
    put("finalPrompt", script_.prompt + " --v 7.0");
    to.Key("flags");
    to.Int(0);
    to.Key("notifyHook");
    to.Null();
    if (succeeded()) {
      put("messageId", snowflake(script_.id, 4));
      put("messageHash", hash_of(script_.id));
    }
    to.EndObject();
  }

  const Script& script_;
  const Frame& frame_;
  const Misbehaviour& misbehaviour_;
  Sight sight_;
  rapidjson::StringBuffer buffer_;
  Writer out_{buffer_};
};

}  // namespace

bool has_pictures(const Script& script) {
  if (script.pictures) return *script.pictures > 0;
  return script.action != "DESCRIBE" && script.action != "SHORTEN";
}

int picture_count(const Script& script) {
  if (script.pictures) return *script.pictures;
  if (script.action == "IMAGINE" || script.action == "VARIATION" || script.action == "BLEND") return 4;
  return 0;
}

std::string seed_of(const Script& script) {
  return script.seed.empty() ? std::to_string(digest(script.id, 31) % 4'294'967'295ULL) : script.seed;
}

std::string task_json(const BookedTask& task, const Frame& frame, const Misbehaviour& misbehaviour) {
  return TaskWriter(task, frame, misbehaviour).write();
}

}  // namespace mjwatchd::standin
