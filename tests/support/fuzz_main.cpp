// Runs a fuzz target without libFuzzer: every seed of a folder, then mutations of them. The same
// numbers give the same inputs, so that a failure can be run again.
//
//   fuzz_NAME RUNS FOLDER      the seeds, then RUNS mutations
//   fuzz_NAME FILE…            these inputs only
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::string;
using Random = std::mt19937_64;

constexpr std::size_t kLongest = 65536;
constexpr const char* kLast = "fuzz-failed-input";

Input current;  // for the handler below

/// Leaves the input behind, to be run again by itself.
void keep_input(int signal) {
  std::signal(signal, SIG_DFL);
  if (std::FILE* file = std::fopen(kLast, "wb")) {
    std::fwrite(current.data(), 1, current.size(), file);
    std::fclose(file);
    std::fprintf(stderr, "fuzz: the input is in %s; run this program with it alone to see it again\n", kLast);
  }
  std::raise(signal);
}

Input read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "fuzz: %s can't be read\n", path.c_str());
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(Input input) {
  current = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

/// A stretch of a seed, as long ones as short ones.
Input piece(const std::vector<Input>& seeds, Random& random) {
  const Input& from = seeds[below(random, seeds.size())];
  return from.substr(below(random, from.size() + 1), below(random, std::size_t{1} << below(random, 12)));
}

char letter(Random& random) {
  static constexpr char kTelling[] = "{}[]\",:\\0123456789.-+eEtfnu%&=/?<> \n\0\x7f\x80\xc3\xe4\xed\xf0\xff";
  return random() % 2 == 0 ? kTelling[below(random, sizeof kTelling - 1)] : static_cast<char>(random());
}

void mutate(Input& input, const std::vector<Input>& seeds, Random& random) {
  const std::size_t at = below(random, input.size() + 1);
  const std::size_t count = below(random, std::size_t{1} << below(random, 8));
  switch (below(random, 6)) {
    case 0:
      if (at < input.size()) input[at] = letter(random);
      return;
    case 1:
      input.insert(at, 1, letter(random));
      return;
    case 2:
      input.erase(at, count);
      return;
    case 3:
      input.insert(at, piece(seeds, random));
      return;
    case 4:
      input.replace(at, count, piece(seeds, random));
      return;
    default:
      input.insert(at, input.substr(at, count));
      return;
  }
}

int fuzz(std::size_t runs, const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  if (files.empty()) {
    std::fprintf(stderr, "fuzz: no seeds in %s\n", folder.c_str());
    return 2;
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> seeds;
  for (const auto& file : files) seeds.push_back(read(file));
  for (const Input& seed : seeds) run(seed);
  Random random(1);
  for (std::size_t i = 0; i < runs; ++i) {
    Input input = seeds[below(random, seeds.size())];
    for (std::size_t steps = 1 + below(random, 8); steps > 0; --steps) mutate(input, seeds, random);
    input.resize(std::min(input.size(), kLongest));
    run(std::move(input));
  }
  std::printf("fuzz: %zu seeds, %zu mutations\n", seeds.size(), runs);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, keep_input);
  const std::string first = count > 1 ? arguments[1] : "";
  const bool number = !first.empty() && first.find_first_not_of("0123456789") == std::string::npos;
  if (count == 3 && number) return fuzz(std::stoul(first), arguments[2]);
  if (count < 2) {
    std::fprintf(stderr, "usage: %s RUNS FOLDER | FILE...\n", arguments[0]);
    return 2;
  }
  for (int i = 1; i < count; ++i) run(read(arguments[i]));
  return 0;
}
