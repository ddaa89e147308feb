// save: a task's picture to a file of the user's own.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"

namespace mjwatchd::client {

namespace {

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (std::fclose(file) != 0) std::perror("close");
  }
};

/// The name the daemon gave the file; the id when it has none (yet).
std::string name_of(Session& session, const std::string& id, const std::string& gateway, int number) {
  const auto task = parse_json(session.daemon.need(Call{.path = task_path(id, gateway)}).body);
  const auto& images = member(task, "images");
  if (images.IsArray() && static_cast<int>(images.Size()) > number) {
    const auto path = text(images[static_cast<rapidjson::SizeType>(number)], "path");
    const auto name = std::filesystem::path(path).filename().string();
    if (!name.empty() && name != "." && name != "..") return name;
  }
  return id;
}

}  // namespace

Exit save(Session& session, const std::string& id, const std::string& gateway, std::string file, int number) {
  if (file.empty()) file = name_of(session, id, gateway, number);
  const auto tail = number == 0 ? std::string("/image") : "/images/" + std::to_string(number);
  Call call{.path = task_path(id, gateway, tail), .timeout_ms = 600000};
  if (file == "-") {
    call.on_piece = [](std::string_view piece) {
      return std::fwrite(piece.data(), 1, piece.size(), stdout) == piece.size();
    };
    session.daemon.need(call);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw Trouble(Exit::error, "cannot write to standard output");
    return Exit::done;
  }
  // Under another name until it is whole, so that a broken transfer leaves nothing that looks good.
  const auto part = file + ".part";
  std::unique_ptr<std::FILE, CloseFile> out;
  bool wrote = true;
  std::uint64_t bytes = 0;
  call.on_piece = [&](std::string_view piece) {
    if (!out) out.reset(std::fopen(part.c_str(), "wbe"));
    wrote = out && std::fwrite(piece.data(), 1, piece.size(), out.get()) == piece.size();
    bytes += piece.size();
    return wrote;
  };
  std::error_code ignored;
  try {
    session.daemon.need(call);
  } catch (const Trouble&) {
    std::filesystem::remove(part, ignored);
    throw;
  }
  if (bytes == 0) throw Trouble(Exit::error, id + ": the picture is empty");
  const bool flushed = out && std::fclose(out.release()) == 0;
  std::error_code error;
  if (wrote && flushed) std::filesystem::rename(part, file, error);
  if (!wrote || !flushed || error) {
    std::filesystem::remove(part, ignored);
    throw Trouble(Exit::error, file + ": cannot be written");
  }
  print(session.json ? R"({"id":)" + json_text(id) + R"(,"file":)" + json_text(file) + R"(,"bytes":)" +
                           std::to_string(bytes) + "}\n"
                     : file + "  " + std::to_string(bytes) + " bytes\n");
  return Exit::done;
}

}  // namespace mjwatchd::client
