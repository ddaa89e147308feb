// A PostgreSQL of the test program's own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mjwatchd::store::test {

/// Started once, on a socket in a temporary folder, and gone with the program. As root it runs as "postgres",
/// for it refuses root. Fails the test when it can't be had.
class Server {
 public:
  static Server& instance();

  /// postgresql://… to a schema that is new and empty.
  [[nodiscard]] std::string new_list();
  /// One number, -1 when there is no row.
  [[nodiscard]] std::int64_t look(const std::string& url, const std::string& sql) const;
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  Server();
  void start();
  [[nodiscard]] std::string line(const std::string& program, const std::vector<std::string>& words) const;
  void run(const std::string& program, const std::vector<std::string>& words) const;

  std::filesystem::path folder_, programs_;
  int lists_ = 0;
};

}  // namespace mjwatchd::store::test
