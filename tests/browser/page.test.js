// The page in a real browser, against real processes.
//   TUNERD_BUILD=build/dev node --test tests/browser
// Screenshots of what was seen are left in $TUNERD_BUILD/screenshots.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { Daemon, eventually, startSimulator } from "./daemon.js";

const shots = join(process.env.TUNERD_BUILD ?? "build/dev", "screenshots");
const wait = { timeout: 30_000 };
let browser;

before(async () => {
  mkdirSync(shots, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
});

after(() => browser?.close());

/** A tab whose mistakes are kept. */
async function open(url, options = {}, context) {
  const home = context ?? await browser.newContext({
    viewport: { width: 1360, height: 860 }, reducedMotion: "reduce", ...options,
  });
  const page = await home.newPage();
  page.mistakes = [];
  page.loads = 0;
  page.on("pageerror", (error) => page.mistakes.push(error.stack));
  page.on("console", (message) => {
    // That a server is away is told by the page; that is no mistake of it.
    if (message.type() === "error" &&
      !message.text().startsWith("Failed to load resource"))
      page.mistakes.push(message.text());
  });
  page.on("load", () => ++page.loads);
  page.on("request", (request) => {
    if (new URL(request.url()).host !== new URL(url).host)
      page.mistakes.push(`asked another host: ${request.url()}`);
    if (/token=|stk_/.test(request.url()))
      page.mistakes.push(`a token in an address: ${request.url()}`);
  });
  await page.goto(url);
  page.shot = (name) => page.screenshot({ path: join(shots, `${name}.png`) });
  page.row = (id) => page.locator(`tr[data-key="${id}"]`);
  return page;
}

const live = (page) =>
  page.locator('#link[data-phase="live"]').waitFor(wait);

async function close(page) {
  assert.deepEqual(page.mistakes, []);
  assert.equal(page.loads, 1, "it was never loaded again");
  await page.context().close();
}

test("a job appears, is approved, runs and completes without a reload",
  async () => {
    const daemon = await new Daemon().start();
    try {
      const page = await open(daemon.url);
      await live(page);
      await page.getByText("No jobs here.").waitFor(wait);
      const { job_id: id } = await daemon.submit("needs-somebody",
        { requires_approval: true, estimated_cost: 12 });
      await page.row(id).getByText("needs approval").waitFor(wait);

      await page.keyboard.press("3");
      await page.getByRole("heading", { name: "Approvals" }).waitFor(wait);
      await page.getByRole("button", { name: "Approve", exact: true }).click();
      await page.getByLabel("Notes").fill("for the paper");
      await page.shot("approve");
      await page.locator("dialog").getByRole("button", { name: "Approve" })
        .click();
      await page.getByText("Nothing here waits for anybody.").waitFor(wait);

      await page.keyboard.press("1");
      await page.row(id).getByText(/running|completed/).waitFor(wait);
      await page.row(id).getByText("completed").waitFor(wait);
      const job = await daemon.job(id);
      assert.equal(job.status, "completed");

      await page.row(id).click();
      const drawer = page.getByRole("complementary", { name: "Job" });
      await drawer.getByText("Saving checkpoint").waitFor(wait);
      await page.shot("job-completed");
      await drawer.getByRole("button", { name: "Delete" }).click();
      await page.getByRole("button", { name: "Delete the job" }).click();
      await page.getByText("No jobs here.").waitFor(wait);
      await close(page);
    } finally {
      await daemon.end();
    }
  });

test("a restart shows as stale and is caught up without a reload", async () => {
  const simulator = await startSimulator({ runMs: 6000 });
  const daemon = await new Daemon({ simulator }).start();
  try {
    const page = await open(daemon.url);
    await live(page);
    const { job_id: first } = await daemon.submit("before-the-restart");
    await page.row(first).getByText("running").waitFor(wait);
    assert.equal(await daemon.stop("SIGTERM"), 0);
    await page.locator("body.stale").waitFor(wait);
    await page.getByText(/^Stale · as of/).waitFor(wait);
    // What was read stays readable, and nothing jumps.
    assert.equal(await page.row(first).isVisible(), true);
    await page.shot("stale");
    await daemon.start();
    const { job_id: second } = await daemon.submit("after-the-restart");
    await live(page);
    await page.row(second).waitFor(wait);
    await page.row(first).getByText("completed").waitFor(wait);
    await page.row(second).getByText("completed").waitFor(wait);
    assert.equal(await page.locator("body.stale").count(), 0);

    // A crash is no other thing.
    await daemon.stop("SIGKILL");
    await page.locator("body.stale").waitFor(wait);
    await daemon.start();
    await live(page);
    await close(page);
  } finally {
    await daemon.end();
    await simulator.stop();
  }
});

test("two tabs show the same", async () => {
  const daemon = await new Daemon({ limits: { max_concurrent: 1 } }).start();
  try {
    const one = await open(`${daemon.url}/#/queue`);
    const two = await open(`${daemon.url}/#/queue`, {}, one.context());
    await live(one);
    await live(two);
    await daemon.submit("first");
    const { job_id: slow } = await daemon.submit("slow");
    const { job_id: urgent } = await daemon.submit("urgent");
    for (const page of [one, two])
      await page.row(urgent).waitFor(wait);
    await one.getByLabel(`Priority of ${urgent}`).selectOption("40");
    await two.waitForFunction(([a, b]) => {
      const rows = [...document.querySelectorAll("tr[data-key]")]
        .map((row) => row.dataset.key);
      const select = document.querySelector(`tr[data-key="${a}"] select`);
      return select?.value === "40" && rows.indexOf(a) < rows.indexOf(b);
    }, [urgent, slow], wait).catch((error) => {
      throw new Error(`the second tab does not follow: ${error.message}`);
    });
    for (const page of [one, two])
      await page.getByText("The queue is empty.").waitFor(wait);
    assert.deepEqual(two.mistakes, []);
    await close(one);
  } finally {
    await daemon.end();
  }
});

test("a name that is markup is text everywhere", async () => {
  const daemon = await new Daemon().start();
  const evil = '<img src=x onerror="window.broken=1"><script>window.broken=1' +
    "</script>${1}";
  try {
    const page = await open(daemon.url);
    await live(page);
    const { job_id: id } = await daemon.submit(evil,
      { requires_approval: true, user_id: "<b>mallory</b>" },
      { "X-Correlation-ID": "evil-1" });
    await page.row(id).getByText(evil, { exact: true }).waitFor(wait);
    for (const view of ["jobs", "queue", "approvals"]) {
      await page.evaluate((x) => { location.hash = x; }, `#/${view}/${id}`);
      await page.getByRole("complementary").getByRole("heading",
        { name: evil, exact: true }).waitFor(wait);
      await page.getByRole("main")
        .getByRole("link", { name: evil, exact: true }).waitFor(wait);
    }
    await page.shot("markup-is-text");
    await page.evaluate(() => { location.hash = "#/trace/evil-1"; });
    await page.getByRole("link", { name: evil, exact: true }).waitFor(wait);
    for (const hash of ["#/trace/<img src=x onerror=window.broken=1>",
      "#/jobs/<img src=x onerror=window.broken=1>", "#/<script>", "#/%"])
      await page.evaluate((x) => { location.hash = x; }, hash);
    assert.equal(await page.evaluate(() => window.broken), undefined);
    assert.equal(await page.locator("main img, aside img, main script").count(),
      0);
    await close(page);
  } finally {
    await daemon.end();
  }
});

test("markup cannot even be made by mistake", async () => {
  const daemon = await new Daemon().start();
  try {
    const page = await open(daemon.url);
    await live(page);
    const refused = await page.evaluate(() => {
      try {
        document.body.innerHTML = "<b>x</b>";
        return false;
      } catch {
        return true;
      }
    });
    assert.equal(refused, true);
    // Nothing inline runs, no other host is asked.
    const blocked = await page.evaluate(async () => {
      const image = document.createElement("img");
      let handler = "taken";
      try {
        image.setAttribute("onerror", "window.broken = 1");
      } catch {
        handler = "refused";
      }
      const answer = await fetch("http://localhost:1/").then(() => "asked",
        () => "refused");
      return `${handler} ${answer}`;
    });
    assert.equal(blocked, "refused refused");
    await page.context().close();
  } finally {
    await daemon.end();
  }
});

test("a token is asked for once, kept for the tab and sent as a header",
  async () => {
    const tokens = [
      { name: "root", token: "stk_admin_1", level: "admin", user_id: "root" },
      { name: "eve", token: "stk_viewer_1", level: "viewer", user_id: "eve" }];
    const daemon = await new Daemon({ tokens }).start();
    try {
      await daemon.submit("hidden-from-eve");
      const page = await open(daemon.url);
      const dialog = page.locator("dialog");
      await dialog.getByText("wants a token").waitFor(wait);
      assert.equal(await dialog.count(), 1, "however many calls were refused");
      await page.shot("token");
      await page.getByLabel("Token").fill("stk_wrong");
      await page.keyboard.press("Enter");
      await dialog.getByText("knows no such token").waitFor(wait);
      await page.getByLabel("Token").fill("stk_admin_1");
      await page.keyboard.press("Enter");
      await live(page);
      await page.getByText("hidden-from-eve").waitFor(wait);
      assert.equal(await dialog.count(), 0);
      assert.equal(await page.evaluate(() => localStorage.length), 0);
      await page.reload();
      await live(page);
      await page.getByText("hidden-from-eve").waitFor(wait);
      assert.equal(await dialog.count(), 0);
      await page.getByRole("button", { name: "Forget the token" }).click();
      await dialog.getByText("wants a token").waitFor(wait);

      await page.getByLabel("Token").fill("stk_viewer_1");
      await page.keyboard.press("Enter");
      await live(page);
      await page.getByText("No jobs here.").waitFor(wait);
      await page.keyboard.press("4");
      await page.getByText("Your token may not see this.").waitFor(wait);
      await page.keyboard.press("3");
      await page.getByText("Nothing here waits for anybody.").waitFor(wait);
      assert.deepEqual(page.mistakes, []);
      await page.context().close();
    } finally {
      await daemon.end();
    }
  });

test("everything can be reached with the keyboard", async () => {
  const daemon = await new Daemon().start();
  try {
    const { job_id: id } = await daemon.submit("by-keyboard",
      { requires_approval: true });
    const page = await open(daemon.url);
    await live(page);
    await page.row(id).waitFor(wait);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    const drawer = page.getByRole("complementary", { name: "Job" });
    await drawer.getByText("Waits for approval").waitFor(wait);
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "hidden", ...wait });
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Keyboard" }).waitFor(wait);
    await page.shot("keyboard");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("no such thing");
    await page.getByText("No jobs here.").waitFor(wait);
    await page.keyboard.press("Escape");
    await page.keyboard.press("3");
    await page.getByRole("link", { name: "by-keyboard" }).waitFor(wait);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByLabel("Reason").fill("not today");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await eventually(async () => (await daemon.job(id)).status === "cancelled",
      "the job is rejected");
    await close(page);
  } finally {
    await daemon.end();
  }
});

test("an admin changes rules and limits", async () => {
  const daemon = await new Daemon().start();
  const evil = '<img src=x onerror="window.broken=1">';
  const rules = async () =>
    (await daemon.call("GET", "/api/approvals/rules")).rules;
  try {
    const page = await open(daemon.url);
    await live(page);
    await page.keyboard.press("8");
    await page.getByText("No rules: only what").waitFor(wait);
    await page.keyboard.press("n");
    const dialog = page.locator("dialog");
    const field = (name) => dialog.locator(`#ask-${name}`);
    await field("name").fill(evil);
    await field("condition").selectOption("cost_exceeds");
    await field("threshold").fill("much");
    await field("exempt").fill("viewer, lead");
    await page.keyboard.press("Enter");
    await page.locator(".toast.bad").getByText(/threshold/).waitFor(wait);
    assert.deepEqual(await rules(), []);

    // What was said is still there to be mended.
    assert.equal(await field("name").inputValue(), evil);
    assert.equal(await field("exempt").inputValue(), "viewer, lead");
    await field("threshold").fill("50");
    await field("priority").fill("7");
    await field("hours").fill("1.5");
    await field("description").fill("for the budget");
    await page.shot("rule");
    await dialog.getByRole("button", { name: "Create it" }).click();
    const row = page.locator('tr[data-key="1"]');
    await row.getByText(evil, { exact: true }).waitFor(wait);
    await row.getByText("cost_exceeds 50").waitFor(wait);
    const [rule] = await rules();
    assert.equal(rule.deadline_seconds, 5400);
    assert.equal(rule.priority, 7);
    const { requires_approval: waits } = await daemon.submit("dear",
      { estimated_cost: 80 });
    assert.equal(waits, true);

    await row.getByRole("button", { name: "Turn off" }).click();
    await row.getByText("off", { exact: true }).waitFor(wait);
    assert.equal((await rules())[0].is_active, false);
    assert.equal((await daemon.submit("dear", { estimated_cost: 80 }))
      .requires_approval, false);

    await row.getByRole("button", { name: "Change" }).click();
    assert.equal(await field("description").inputValue(), "for the budget");
    await field("threshold").fill("60");
    await field("hours").fill("");
    await dialog.getByRole("button", { name: "Save" }).click();
    await row.getByText("cost_exceeds 60").waitFor(wait);
    assert.equal((await rules())[0].deadline_seconds, undefined);
    assert.equal((await rules())[0].is_active, false);

    // What another admin changes while the form is open stays.
    await row.getByRole("button", { name: "Change" }).click();
    await daemon.call("PATCH", "/api/approvals/rules/1", { threshold: "40" });
    await field("description").fill("for us");
    await dialog.getByRole("button", { name: "Save" }).click();
    await row.getByText("cost_exceeds 40").waitFor(wait);
    assert.equal((await rules())[0].description, "for us");

    await daemon.call("POST", "/api/approvals/requests/1/reject",
      { reason: "no" });
    await row.getByRole("button", { name: "Delete" }).click();
    await dialog.getByText(`Delete ${evil}?`).waitFor(wait);
    await dialog.getByRole("button", { name: "Delete the rule" }).click();
    await page.getByText("No rules: only what").waitFor(wait);
    assert.deepEqual(await rules(), []);

    await page.getByRole("button", { name: "Change the limits" }).click();
    await field("max_concurrent").fill("9");
    await field("org_max_concurrent").fill("4");
    await field("enable_fair_share").selectOption("true");
    await page.shot("limits");
    await dialog.getByRole("button", { name: "Set them" }).click();
    await page.getByText("The limits are set").waitFor(wait);
    const limits = await daemon.call("GET", "/api/queue/concurrency");
    assert.equal(limits.max_concurrent, 9);
    assert.equal(limits.org_max_concurrent, 4);
    assert.equal(limits.enable_fair_share, true);
    assert.equal(limits.user_max_concurrent, 5, "which was not changed");
    await page.getByRole("button", { name: "Change the limits" }).click();
    await field("org_max_concurrent").fill("");
    await dialog.getByRole("button", { name: "Set them" }).click();
    await eventually(async () => (await daemon.call("GET",
      "/api/queue/concurrency")).org_max_concurrent === undefined, "no limit");
    assert.equal(await page.evaluate(() => window.broken), undefined);
    await close(page);
  } finally {
    await daemon.end();
  }
});

test("who may not change rules is told so", async () => {
  const daemon = await new Daemon({ tokens: [
    { name: "root", token: "stk_root", level: "admin", user_id: "root" },
    { name: "lea", token: "stk_lea", level: "lead", user_id: "lea",
      org_id: "acme" }] }).start();
  try {
    await daemon.call("POST", "/api/approvals/rules", { name: "expensive",
      condition: "cost_exceeds", threshold: "50" });
    const page = await open(`${daemon.url}/#/rules`);
    await page.getByLabel("Token").fill("stk_lea");
    await page.keyboard.press("Enter");
    const row = page.locator('tr[data-key="1"]');
    await row.getByRole("button", { name: "Turn off" }).click(wait);
    await page.locator(".toast.bad").waitFor(wait);
    const { rules } = await daemon.call("GET", "/api/approvals/rules");
    assert.equal(rules[0].is_active, true);
    await close(page);
  } finally {
    await daemon.end();
  }
});

test("a browser's own EventSource reads the stream and resumes it",
  async () => {
    const daemon = await new Daemon().start();
    try {
      const page = await open(daemon.url);
      await live(page);
      await page.evaluate(() => {
        window.seen = [];
        const source = new EventSource("/api/events?types=job_status_changed");
        source.onmessage = (event) => window.seen.push(
          [Number(event.lastEventId), JSON.parse(event.data).status]);
        return new Promise((resolve) => { source.onopen = resolve; });
      });
      const { job_id: first } = await daemon.submit("one");
      await eventually(async () => (await daemon.job(first)).is_terminal,
        "the first job ends");
      await daemon.stop();
      await daemon.start();
      const { job_id: second } = await daemon.submit("two");
      await eventually(async () => (await daemon.job(second)).is_terminal,
        "the second job ends");
      await page.waitForFunction(() => window.seen.filter(
        ([, status]) => status === "completed").length === 2, null, wait);
      const ids = (await page.evaluate(() => window.seen)).map(([id]) => id);
      assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b),
        "none twice, all in order");
      assert.equal(ids.length, 8, "pending, queued, running, completed, twice");
      await page.context().close();
    } finally {
      await daemon.end();
    }
  });

test("what charts, traces and metrics are made of is right", async () => {
  const daemon = await new Daemon().start();
  try {
    const page = await open(daemon.url);
    await live(page);
    const wrong = await page.evaluate(async (began) => {
      const { history, daily } = await import("/assets/charts.js");
      const { extensions } = await import("/assets/approvals.js");
      const { joined } = await import("/assets/queue.js");
      const { roundUp, stepAt } = await import("/assets/plot.js");
      const { parseMetrics } = await import("/assets/providers.js");
      const { timeline } = await import("/assets/trace.js");
      let seed = began;
      const random = (n) => {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return seed % n;
      };
      const iso = (ms) => new Date(ms).toISOString();
      for (let run = 0; run < 300; ++run) {
        // Counted one by one, as many wait and run as the steps say.
        const jobs = Array.from({ length: random(20) }, () => {
          const created = random(1000);
          const started = random(4) === 0 ? null : created + random(300);
          const ended = random(3) === 0 ? null
            : (started ?? created) + random(300);
          return { created_at: iso(created), queue_status: "running",
            started_at: started === null ? null : iso(started),
            completed_at: ended === null ? null : iso(ended) };
        });
        const { waiting, running } = history(jobs);
        for (let i = 0; i < 20; ++i) {
          const t = random(2000);
          const at = (x) => x === null ? Infinity : Date.parse(x);
          const wait_ = jobs.filter((x) => at(x.created_at) <= t &&
            Math.min(at(x.started_at), at(x.completed_at)) > t).length;
          const run_ = jobs.filter((x) => at(x.started_at) <= t &&
            at(x.completed_at) > t).length;
          if (stepAt(waiting, t) !== wait_ || stepAt(running, t) !== run_)
            return `history, seed ${began}, run ${run}, t ${t}`;
        }
        const value = random(100_000) / 7 + 0.001;
        if (roundUp(value) < value || roundUp(value) > 2.5 * value)
          return `roundUp ${value}`;
      }
      const hours = (ahead) => extensions(
        ahead === null ? null : iso(ahead * 3_600_000), 0)
        .map(([value]) => value).join();
      const offered = [null, 0.5, 5, 100, 168].map(hours).join(" | ");
      if (offered !== "1,4,24,72,168 | 1,4,24,72,168 | 24,72,168 | 168 | ")
        return `extensions ${offered}`;
      const page = (from, to) => ({ total_pending: 9, entries: Array.from(
        { length: to - from }, (_, i) => ({ job_id: String(from + i) })) });
      const whole = joined([page(0, 200), page(190, 250)]);
      if (whole.entries.length !== 250 || whole.isCut ||
        !joined([page(0, 200)]).isCut || whole.total_pending !== 9)
        return `joined ${whole.entries.length}`;
      const days = daily({ "2026-02-28": 2, "2026-03-01": 3 }, 3,
        Date.parse("2026-03-01T12:00:00Z"));
      if (JSON.stringify(days) !==
        '[["2026-02-27",0],["2026-02-28",2],["2026-03-01",3]]')
        return `daily ${days}`;
      const metrics = parseMetrics('# HELP a b\na{b="x\\"y,\\n",c="2"} 1.5\n' +
        "d 7\n");
      if (JSON.stringify(metrics) !== JSON.stringify([
        { name: "a", labels: { b: 'x"y,\n', c: "2" }, value: 1.5 },
        { name: "d", labels: {}, value: 7 }]))
        return `metrics ${JSON.stringify(metrics)}`;
      const { spans, points } = timeline({
        jobs: [{ job_id: "j", config_name: "n", created_at: iso(0),
          is_terminal: true }],
        attempts: [], approvals: [], audit: [],
        events: [["running", 20], ["completed", 50]].map(([status, t]) => ({
          id: t, type: "job_status_changed", job_id: "j", timestamp: iso(t),
          data: { status, previous_status: "x" } })),
        log: { lines: [{ timestamp: iso(10), level: "INFO", fields: {},
          logger: "simpletuner.cloud.queue", message: "m" }] },
      });
      if (spans.map((x) => `${x.from}-${x.to}`).join() !== "0-20,20-50,50-50" ||
        points.map((x) => x.lane).join() !== "log: queue,event,event")
        return `timeline ${JSON.stringify({ spans, points })}`;
      return "";
    }, 20261122);
    assert.equal(wrong, "");
    await close(page);
  } finally {
    await daemon.end();
  }
});

/** A daemon with a past and a present worth looking at. */
async function demo() {
  const simulator = await startSimulator({ queueMs: 700, runMs: 6000 });
  const daemon = await new Daemon({ simulator,
    limits: { max_concurrent: 5, user_max_concurrent: 2 } }).start();
  await daemon.call("POST", "/api/approvals/rules", { name: "expensive",
    condition: "cost_exceeds", threshold: "50" });
  await daemon.call("POST", "/api/approvals/rules", { name: "beginners ask",
    condition: "first_job", applies_to_level: "viewer" });
  await daemon.call("POST", "/api/approvals/rules", { name: "eight GPUs",
    condition: "hardware_type", threshold: "*-x8", priority: 5,
    required_approver_level: "admin", exempt_levels: ["admin"] });
  const names = ["flux-lora-portrait", "sdxl-anime-v3", "flux-dev-product",
    "sd35-landscape", "pixart-logo", "flux-lora-cats"];
  const users = ["ada", "ben", "cleo", "dmitri"];
  let n = 0;
  const submit = (more = {}, id = `demo-${n}`) => daemon.submit(
    names[n % names.length], { user_id: users[n % users.length],
      hardware_profile: n++ % 3 === 0 ? "l40s-x2" : "h100",
      estimated_cost: 1.5 + (n * 7 % 11), ...more },
    { "X-Correlation-ID": id });
  for (let i = 0; i < 12; ++i) await submit();
  const { approval_id: rejected } = await submit({ estimated_cost: 400 });
  await daemon.call("POST", `/api/approvals/requests/${rejected}/reject`,
    { reason: "use the smaller model" });
  await submit({ estimated_cost: 99, approval_deadline_seconds: 5400 });
  await submit({ estimated_cost: 240, approval_deadline_seconds: 500 });
  await eventually(async () => (await daemon.job((await daemon.call("GET",
    "/api/tunerd/trace/demo-4")).jobs[0].job_id)).is_terminal,
  "the first jobs end");
  for (let i = 0; i < 9; ++i) await submit();
  return { daemon, end: async () => {
    await daemon.end();
    await simulator.stop();
  } };
}

test("every view, dark and light, large and small", async () => {
  const { daemon, end } = await demo();
  const kinds = {
    light: { colorScheme: "light" },
    dark: { colorScheme: "dark" },
    phone: { colorScheme: "light", isMobile: true, hasTouch: true,
      viewport: { width: 390, height: 844 } },
  };
  const views = ["queue", "jobs", "approvals", "workers", "providers",
    "trace/demo-3", "charts?range=15m", "rules"];
  try {
    for (const [kind, options] of Object.entries(kinds)) {
      const page = await open(daemon.url, options);
      await live(page);
      for (const view of views) {
        await page.evaluate((x) => { location.hash = `#/${x}`; }, view);
        await page.locator("main .view").waitFor(wait);
        await page.waitForTimeout(900); // until why and ETA are known
        const wide = await page.evaluate(() =>
          document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${view} is ${wide} px too wide on ${kind}`);
        assert.equal(await page.locator(".problem:visible").count(), 0, view);
        await page.shot(`${view.split(/[/?]/)[0]}-${kind}`);
      }
      const id = (await daemon.call("GET", "/api/cloud/jobs?status=running"))
        .jobs[0]?.job_id ??
        (await daemon.call("GET", "/api/cloud/jobs?limit=1")).jobs[0].job_id;
      await page.evaluate((x) => { location.hash = `#/jobs/${x}`; }, id);
      await page.getByRole("complementary").getByText("Correlation id")
        .waitFor(wait);
      await page.waitForTimeout(600);
      await page.shot(`job-${kind}`);
      await close(page);
    }
  } finally {
    await end();
  }
});
