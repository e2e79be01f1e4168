#include "tests/documented_messages.hpp"

#include <cctype>
#include <sstream>

namespace tunerd::test {

const std::vector<documented_message>& documented_messages() {
  static const std::vector<documented_message> list{
    // -- polling
    {"INFO", "Starting job status polling (Enterprise Config, interval: {}s)"},
    {"INFO", "Starting job status polling (WebUI Setting, interval: {}s)"},
    {"INFO", "Starting job status polling (Auto, interval: {}s)"},
    {"INFO", "Auto-enabling job polling (no webhook configured)"},
    {"INFO", "Job status polling is explicitly disabled in WebUI settings"},
    {"INFO", "Job status polling is explicitly disabled in Enterprise Config"},
    {"INFO", "Updated polling setting: {} (active: {})"},
    {"INFO", "Job polling loop started (interval: {}s)"},
    {"INFO", "Job polling loop stopped"},
    {"INFO", "Stopped existing job polling task for refresh"},
    {"DEBUG", "Synced {} active jobs"},
    {"DEBUG", "Failed to sync job {}: {}"},
    {"DEBUG", "Skipping sync for job {} - no valid external ID"},
    {"ERROR", "Error in job polling: {}"},
    {"ERROR", "Failed to sync jobs for provider {}: {}"},
    {"WARNING", "Unknown provider: {}"},
    {"WARNING", "Unknown status '{}' for job {}, keeping {}"},
    // -- queue
    {"INFO", "Queue scheduler started with {}s processing interval"},
    {"INFO", "Queue scheduler stopped"},
    {"INFO", "Queue processing started"},
    {"INFO", "Queue background processing started (interval: {:.1f}s)"},
    {"INFO", "Queue background processing stopped"},
    {"INFO", "Enqueued job {} for user {} at priority {} (position {})"},
    {"INFO", "Dispatching job {} to {}"},
    {"INFO", "Dispatched {} jobs: {}"},
    {"INFO",
     "Job {} already submitted to provider (status: {}), updating queue"},
    {"INFO", "Cancelled queued job {}"},
    {"INFO", "Approved job {} (approval_id: {})"},
    {"INFO", "Set priority override for job {}: {} (effective: {})"},
    {"INFO", "Updated concurrency limits: global={}, per_user={}, per_team={}, "
             "fair_share={}"},
    {"WARNING", "Cannot cancel running job {} via queue"},
    {"WARNING", "Job {} is not blocked (status: {})"},
    {"WARNING", "Invalid priority_override {} (must be 0-50)"},
    {"ERROR", "Failed to start queue processing: {}"},
    {"ERROR", "Failed to dispatch job {}: {}"},
    {"ERROR", "Error in queue processing: {}"},
    {"DEBUG", "No job ready: {}"},
    // -- approvals
    {"INFO", "Expired {} approval requests and rejected associated jobs"},
    {"INFO", "Approval request {} expired, job {} cancelled"},
    {"INFO", "Approval expiration task started (interval={}s)"},
    {"INFO", "Approval expiration loop started (interval: {}s)"},
    {"INFO", "Approval expiration loop stopped"},
    {"INFO", "Approval required for user {}: rule '{}' matched ({})"},
    {"ERROR", "Error in approval expiration: {}"},
    // -- tasks, HTTP, providers
    {"INFO", "Stopping background tasks..."},
    {"INFO", "Background tasks stopped"},
    {"WARNING", "Background task manager already running"},
    {"INFO", "Auth bypassed for IP {}"},
    {"WARNING", "Circuit breaker '{}' opening after {} failures: {}"},
    {"WARNING", "Circuit breaker '{}' opening after failure in HALF_OPEN: {}"},
    {"WARNING", "Attempt {}/{} failed, retrying in {:.2f}s: {}"},
    {"ERROR", "All {} attempts failed: {}"},
    {"INFO", "Circuit breaker '{}' transitioning from OPEN to HALF_OPEN"},
    {"INFO", "Circuit breaker '{}' closing after {} successful calls"},
    // -- the example of the documentation
    {"INFO", "Job submitted successfully"},
  };
  return list;
}

bool is_instance(std::string_view text, std::string_view format) {
  const auto open = format.find('{');
  if (open == format.npos)
    return text == format;
  if (!text.starts_with(format.substr(0, open)))
    return false;
  text.remove_prefix(open);
  format.remove_prefix(format.find('}') + 1);
  for (size_t i = 0; i <= text.size(); ++i)
    if (is_instance(text.substr(i), format))
      return true;
  return false;
}

namespace {

std::string without_comments(const std::string& source) {
  std::istringstream in{source};
  std::string result;
  for (std::string line; std::getline(in, line);)
    if (const auto at = line.find_first_not_of(' ');
        at == line.npos || line.compare(at, 2, "//") != 0)
      result += line + '\n';
  return result;
}

void skip_space(const std::string& text, size_t& at) {
  while (at < text.size()
         && std::isspace(static_cast<unsigned char>(text[at])) != 0)
    ++at;
}

/// Reads the literals at `at`, which the compiler would join.
std::string read_literals(const std::string& text, size_t at) {
  std::string result;
  for (skip_space(text, at); at < text.size() && text[at] == '"';
       skip_space(text, ++at))
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\')
        ++at;
      result += text[at];
    }
  return result;
}

} // namespace

void find_logged_texts(const std::string& source, logged_texts& out) {
  const auto text = without_comments(source);
  const std::map<std::string, std::string> levels{{"debug", "DEBUG"},
                                                  {"info", "INFO"},
                                                  {"warning", "WARNING"},
                                                  {"error", "ERROR"},
                                                  {"critical", "CRITICAL"}};
  for (auto at = text.find("log."); at != text.npos;
       at = text.find("log.", at + 1)) {
    const auto open = text.find('(', at);
    if (open == text.npos)
      return;
    const auto level = levels.find(text.substr(at + 4, open - at - 4));
    if (level == levels.end())
      continue;
    if (const auto said = read_literals(text, open + 1); !said.empty())
      out[said].insert(level->second);
  }
}

} // namespace tunerd::test
