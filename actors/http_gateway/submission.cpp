#include "actors/http_gateway/submission.hpp"

#include "actors/http_gateway/reader.hpp"
#include "config/run_time.hpp"
#include "messages/fingerprint.hpp"

namespace tunerd::rest {

namespace {

using nlohmann::json;

/// Reads what the job is made of: `config` and `dataloader_config`, or a raw
/// `input`.
void read_work(body_reader& in, prepare_job& out) {
  const auto* config = in.find("config");
  const auto* dataloader = in.find("dataloader_config");
  const auto* input = in.find("input");
  in.text("version", out.version, 256);
  if (config != nullptr && input != nullptr)
    in.fail("input", "want either it or config");
  if (config == nullptr && input == nullptr)
    in.fail("config", in.find("config_name_to_load") != nullptr
                        ? "want it in full: configurations live in "
                          "SimpleTuner, config_name_to_load has no effect here"
                        : "want it with dataloader_config, or a raw input");
  if (config == nullptr && dataloader != nullptr)
    in.fail("dataloader_config", "want it with config only");
  for (const auto* part : {config, input})
    if (part != nullptr && !part->is_object())
      in.fail(part == config ? "config" : "input", "want an object");
  if (dataloader != nullptr && !dataloader->is_structured())
    in.fail("dataloader_config", "want a list or an object");
  const auto text
    = [](const json* x) { return x == nullptr ? std::string{} : x->dump(); };
  if (in.mistake())
    return;
  out.config = text(config);
  out.dataloader_config = text(dataloader);
  out.input = text(input);
}

void read_webhook(body_reader& in, std::string& out) {
  in.text("webhook_url", out, 2048);
  if (!out.empty() && !out.starts_with("https://")
      && !out.starts_with("http://"))
    in.fail("webhook_url", "want an http or https address");
}

/// Reads for whom the job is; without a word, for who submits it.
void read_owner(body_reader& in, caller& owner) {
  std::string user;
  in.id("user_id", user);
  if (!user.empty())
    owner = {.user_id = user, .level = owner.level};
  in.id("org_id", owner.org_id);
  in.id("team_id", owner.team_id);
}

void read_approval(body_reader& in, submission& out) {
  caf::optional<bool> wanted;
  in.boolean("requires_approval", wanted);
  out.requires_approval = wanted && *wanted;
  caf::optional<int64_t> seconds;
  in.integer("approval_deadline_seconds", seconds, 1, 365 * 24 * 60 * 60);
  if (seconds)
    out.approval_deadline = std::chrono::seconds{*seconds};
}

/// Reads how long the job may take, in minutes.
void read_runtime(body_reader& in, caf::timespan& out) {
  caf::optional<int64_t> minutes;
  in.integer("max_runtime_minutes", minutes, 1, config::run_time_max.count());
  if (minutes)
    out = std::chrono::minutes{*minutes};
}

/// Reads what is only kept.
void read_metadata(body_reader& in, submission& out) {
  auto kept = json::object();
  for (const auto* key :
       {"snapshot_name", "snapshot_message", "tracker_run_name", "upload_id"}) {
    caf::optional<std::string> text;
    in.prose(key, text, 256);
    if (text)
      kept[key] = *text;
  }
  out.upload_id = kept.value("upload_id", "");
  out.metadata = kept.dump();
}

/// @returns 403 if the body asks for what `who` may not do.
std::optional<refusal> check_rights(body_reader& in, const caller& who) {
  const auto deny = [](const std::string& field, const char* level) {
    return refusal{.status = 403,
                   .error = "permission_denied",
                   .message = field + ": takes a caller of level " + level,
                   .field = field};
  };
  if (who.level < caller_level::lead && in.find("priority_override") != nullptr)
    return deny("priority_override", "lead");
  for (const auto* key : {"user_id", "org_id", "team_id"})
    if (who.level < caller_level::admin && in.find(key) != nullptr)
      return deny(key, "admin");
  return std::nullopt;
}

std::string hash_of(json body, const std::string& provider) {
  body.erase("idempotency_key");
  return sha256_hex(provider + "\n" + body.dump());
}

} // namespace

or_refusal<submission> parse_submission(const std::string& body,
                                        const std::string& provider,
                                        const caller& who) {
  auto parsed = parse_object(body);
  if (auto* bad = std::get_if<refusal>(&parsed))
    return std::move(*bad);
  auto& object = std::get<json>(parsed);
  body_reader in{object};
  submission out{.owner = who};
  out.wanted.provider = provider;
  read_work(in, out.wanted);
  in.text("hardware_profile", out.wanted.hardware_profile, 64);
  read_webhook(in, out.wanted.webhook_url);
  in.text("config_name", out.config_name, 256);
  in.text("idempotency_key", out.idempotency_key, 256);
  in.usd("estimated_cost", out.estimated_cost_micros);
  in.integer("priority_override", out.priority_override, 0, 50);
  read_owner(in, out.owner);
  read_approval(in, out);
  read_runtime(in, out.max_runtime);
  read_metadata(in, out);
  in.ignored("config_name_to_load");
  if (in.mistake())
    return *in.mistake();
  if (auto denied = check_rights(in, who))
    return std::move(*denied);
  out.warnings = in.warnings();
  if (!out.idempotency_key.empty())
    out.request_hash = hash_of(std::move(object), provider);
  return out;
}

job make_job(const submission& x, const job_prepared& prepared, std::string id,
             int32_t max_attempts) {
  return {.id = std::move(id),
          .provider = x.wanted.provider,
          .config_name = x.config_name,
          .user_id = x.owner.user_id,
          .org_id = x.owner.org_id,
          .team_id = x.owner.team_id,
          .estimated_cost_micros = x.estimated_cost_micros,
          .hardware_type = prepared.hardware_type,
          .hardware_profile = prepared.hardware_profile,
          .metadata = x.metadata,
          .priority = priority_of(x.owner.level),
          .priority_override = x.priority_override,
          .max_attempts = max_attempts};
}

int32_t priority_of(caller_level level) {
  switch (level) {
    case caller_level::viewer: return 0;
    case caller_level::researcher: return 10;
    case caller_level::lead: return 20;
    case caller_level::admin: return 30;
  }
  return 10;
}

} // namespace tunerd::rest
