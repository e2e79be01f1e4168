#include "tests/integration/process.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace tunerd::test {

namespace {

using clock = std::chrono::steady_clock;

[[noreturn]] void execute(const std::vector<std::string>& arguments,
                          const std::map<std::string, std::string>& env,
                          const std::string& output_file) {
  const int out
    = ::open(output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  for (const auto& [key, value] : env)
    ::setenv(key.c_str(), value.c_str(), 1);
  std::vector<char*> argv;
  for (const auto& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

size_t append(char* bytes, size_t, size_t count, void* text) {
  static_cast<std::string*>(text)->append(bytes, count);
  return count;
}

size_t add_header(char* bytes, size_t, size_t count, void* target) {
  const std::string line{bytes, count};
  const auto colon = line.find(": ");
  if (colon == std::string::npos)
    return count;
  auto name = line.substr(0, colon);
  for (auto& c : name)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  static_cast<answer*>(target)->headers[name]
    = line.substr(colon + 2, line.find_first_of("\r\n") - colon - 2);
  return count;
}

std::string write_file(const std::string& path, const std::string& text) {
  std::ofstream{path} << text;
  return path;
}

} // namespace

process::process(std::vector<std::string> arguments,
                 std::map<std::string, std::string> env,
                 std::string output_file)
  : output_file_(std::move(output_file)) {
  pid_ = ::fork();
  if (pid_ < 0)
    throw std::runtime_error{"fork failed"};
  if (pid_ == 0)
    execute(arguments, env, output_file_);
}

process::~process() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
}

void process::signal(int number) const {
  ::kill(pid_, number);
}

bool process::running() {
  return wait(std::chrono::milliseconds{0}) == -1;
}

int process::wait(std::chrono::milliseconds limit) {
  const auto end = clock::now() + limit;
  while (status_ == -1) {
    int raw = 0;
    if (::waitpid(pid_, &raw, WNOHANG) == pid_)
      status_ = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) : WEXITSTATUS(raw);
    else if (clock::now() >= end)
      return -1;
    else
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return status_;
}

std::string process::output() const {
  std::ifstream in{output_file_};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<nlohmann::json> process::log_lines() const {
  std::vector<nlohmann::json> result;
  std::istringstream in{output()};
  for (std::string line; std::getline(in, line);)
    if (auto parsed = nlohmann::json::parse(line, nullptr, false);
        parsed.is_object())
      result.push_back(std::move(parsed));
  return result;
}

scratch::scratch() {
  auto pattern
    = (std::filesystem::temp_directory_path() / "tunerd-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error{"mkdtemp failed"};
  path = pattern;
}

scratch::~scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit) {
  const auto end = clock::now() + limit;
  while (!condition()) {
    if (clock::now() > end)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  return true;
}

answer call(const std::string& method, const std::string& url,
            const std::string& body, const std::vector<std::string>& headers) {
  answer result;
  std::unique_ptr<CURL, void (*)(CURL*)> handle{curl_easy_init(),
                                                curl_easy_cleanup};
  curl_slist* lines = nullptr;
  if (!body.empty())
    lines = curl_slist_append(lines, "Content-Type: application/json");
  for (const auto& line : headers)
    lines = curl_slist_append(lines, line.c_str());
  auto* h = handle.get();
  curl_easy_setopt(h, CURLOPT_URL, url.c_str());
  curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(h, CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(h, CURLOPT_HTTPHEADER, lines);
  curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(h, CURLOPT_WRITEDATA, &result.body);
  curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, add_header);
  curl_easy_setopt(h, CURLOPT_HEADERDATA, &result);
  if (!body.empty()) {
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body.size()));
  }
  long status = 0;
  if (curl_easy_perform(h) == CURLE_OK)
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
  result.status = static_cast<int>(status);
  curl_slist_free_all(lines);
  return result;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

int tunerd_process::next_run() {
  static std::atomic<int> runs{0};
  return ++runs;
}

namespace {

std::vector<std::string> tunerd_arguments(std::vector<std::string> more,
                                          const std::string& url,
                                          const std::string& config) {
  std::vector<std::string> result{TUNERD_DAEMON, "--listen", url.substr(7),
                                  "--config", config};
  result.insert(result.end(), more.begin(), more.end());
  return result;
}

std::map<std::string, std::string>
tunerd_env(const scratch& dir, std::map<std::string, std::string> more) {
  more.emplace("SIMPLETUNER_STATE_DIR", dir.path);
  more.emplace("REPLICATE_API_TOKEN", "test");
  more.emplace("SIMPLETUNER_LOG_LEVEL", "DEBUG");
  return more;
}

} // namespace

tunerd_process::tunerd_process(const scratch& dir,
                               std::vector<std::string> arguments,
                               std::map<std::string, std::string> env,
                               const std::string& yaml)
  : url("http://127.0.0.1:" + std::to_string(free_port())),
    child(tunerd_arguments(std::move(arguments), url,
                           write_file(dir.path + "/config.yaml", yaml)),
          tunerd_env(dir, std::move(env)),
          dir.path + "/out-" + std::to_string(next_run()) + ".log") {
}

bool tunerd_process::ready(std::chrono::milliseconds limit) {
  return eventually(
           [this] {
             return !child.running() || get("/health/ready").status == 200;
           },
           limit)
         && child.running();
}

answer tunerd_process::get(const std::string& path) const {
  return call("GET", url + path);
}

answer tunerd_process::post(const std::string& path, const nlohmann::json& body,
                            const std::vector<std::string>& headers) const {
  return call("POST", url + path, body.dump(), headers);
}

std::string tunerd_process::submit(const nlohmann::json& input,
                                   const std::string& user,
                                   const std::string& correlation_id) const {
  std::vector<std::string> headers;
  if (!correlation_id.empty())
    headers.push_back("X-Correlation-ID: " + correlation_id);
  const auto reply = post("/api/cloud/jobs/submit?provider=replicate",
                          {{"version", "demo/trainer:abc123"},
                           {"input", input},
                           {"config_name", "test"},
                           {"user_id", user}},
                          headers);
  if (reply.status != 200)
    return {};
  return reply.json().value("job_id", "");
}

int64_t tunerd_process::count(const std::string& status) const {
  const auto reply = get("/api/cloud/jobs?limit=1&status=" + status);
  return reply.status == 200 ? reply.json().value("total", int64_t{-1}) : -1;
}

simulator_process::simulator_process(const scratch& dir, int queue_ms,
                                     int run_ms)
  : url("http://127.0.0.1:" + std::to_string(free_port())),
    child_({TUNERD_SIMULATOR, "--port", url.substr(url.rfind(':') + 1),
            "--queue-ms", std::to_string(queue_ms), "--run-ms",
            std::to_string(run_ms)},
           {}, dir.path + "/simulator.log") {
  if (!eventually(
        [this] { return call("GET", url + "/simulator/stats").status == 200; }))
    throw std::runtime_error{"the simulator does not answer"};
}

nlohmann::json simulator_process::stats() const {
  return call("GET", url + "/simulator/stats").json();
}

} // namespace tunerd::test
