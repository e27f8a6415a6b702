
import { Code, Push } from "/push.js";

const $ = (id) => document.getElementById(id);
const session = window.sessionStorage;

/** An element with properties and children. Text is only ever set as text. */
function element(tag, properties = {}, ...children) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children);
  return e;
}

// Numbers.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const count = (x) => (x < 1e6 ? whole : short).format(x);
const rate = (x) => (x < 10 ? tenth : x < 1e6 ? whole : short).format(x) + " /s";

/** A number with three digits and the largest of the units that fits. */
function scaled(x, units, step) {
  let i = 0;
  for (; x >= step && i < units.length - 1; i++) x /= step;
  return `${x < 10 && i > 0 ? x.toFixed(2) : x < 100 && i > 0 ? x.toFixed(1) : whole.format(x)} ${units[i]}`;
}
const bytes = (x) => scaled(x, ["B", "KiB", "MiB", "GiB", "TiB"], 1024);
const duration = (seconds) =>
  seconds < 1 ? scaled(seconds * 1e6, ["µs", "ms", "s"], 1000) : seconds < 10 ? `${seconds.toFixed(2)} s` : age(seconds);
function age(seconds) {
  const [m, h, d] = [seconds / 60, seconds / 3600, seconds / 86400].map(Math.floor);
  return d ? `${d} d ${h % 24} h` : h ? `${h} h ${m % 60} min` : m ? `${m} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
}
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });

// Plots: a curve for the last minutes, the current value above it.

const span = 180_000; // milliseconds that a plot shows
const svgSpace = "http://www.w3.org/2000/svg";

class Plot {
  #points = []; // [time, value], of the last three minutes
  #at = null; // where the pointer is, from 0 to 1

  constructor(id, format) {
    this.format = format;
    const draw = (name, attributes, to) => {
      const e = document.createElementNS(svgSpace, name);
      for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
      return to?.appendChild(e) ?? e;
    };
    this.card = $(id);
    this.title = this.card.querySelector("h3").textContent;
    this.value = element("span", { className: "value", textContent: "–" });
    this.about = element("span", { className: "about" });
    this.svg = draw("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", role: "img", "aria-label": this.title });
    this.area = draw("path", { class: "area" }, this.svg);
    draw("path", { class: "base", d: "M0 1H1" }, this.svg);
    this.curve = draw("path", { class: "curve" }, this.svg);
    this.cross = draw("path", { class: "cross" }, this.svg);
    this.most = element("span", { textContent: "–" });
    this.card.append(
      element("p", { className: "now" }, this.value, this.about), this.svg,
      element("p", { className: "axis" }, element("span", { textContent: "−3 min" }), this.most, element("span", { textContent: "now" })));
    this.svg.addEventListener("pointermove", (e) => {
      const box = this.svg.getBoundingClientRect();
      this.#at = (e.clientX - box.left) / box.width;
      this.#draw();
    });
    this.svg.addEventListener("pointerleave", () => {
      this.#at = null;
      this.#draw();
    });
  }

  add(time, value, about) {
    if (time <= this.#points.at(-1)?.[0]) this.#points = []; // the server's clock was set back
    this.#points.push([time, value]);
    while (this.#points[0][0] < time - span) this.#points.shift();
    this.note = about;
    this.#draw();
  }

  #draw() {
    const points = this.#points;
    if (points.length === 0) return;
    const end = points.at(-1)[0];
    const most = Math.max(...points.map(([, v]) => v));
    const x = (time) => 1 - (end - time) / span;
    const y = (v) => 1 - (most > 0 ? v / most : 0) * 0.96;
    // Where no figures came for a while the curve is interrupted.
    const runs = [];
    points.forEach((p, i) => {
      if (i === 0 || p[0] - points[i - 1][0] > 3500) runs.push([]);
      runs.at(-1).push(`${x(p[0]).toFixed(4)} ${y(p[1]).toFixed(4)}`);
    });
    this.curve.setAttribute("d", runs.map((r) => "M" + r.join("L")).join(""));
    this.area.setAttribute("d", runs.map((r) => `M${r[0].split(" ")[0]} 1L${r.join("L")}L${r.at(-1).split(" ")[0]} 1Z`).join(""));
    let shown = points.at(-1);
    if (this.#at !== null) {
      const off = (p) => Math.abs(x(p[0]) - this.#at);
      shown = points.reduce((a, b) => (off(b) < off(a) ? b : a));
    }
    this.cross.setAttribute("d", this.#at === null ? "" : `M${x(shown[0])} 0V1`);
    this.value.textContent = this.format(shown[1]);
    this.about.textContent = this.#at === null ? this.note : `${age((end - shown[0]) / 1000)} ago`;
    this.most.textContent = `max ${this.format(most)}`;
    this.svg.setAttribute("aria-label", `${this.title}, the last 3 minutes: now ${this.format(points.at(-1)[1])}, at most ${this.format(most)}`);
  }
}

const plots = {
  connections: new Plot("plot-connections", count),
  delivered: new Plot("plot-delivered", rate),
  published: new Plot("plot-published", rate),
  fanout: new Plot("plot-fanout", duration),
};

// The figures, from $weir/stats.

const words = Object.fromEntries(Object.entries(Code).map(([name, code]) => [code, name.replace(/[A-Z]/g, (c) => " " + c.toLowerCase())]));
const policies = { oldest: "the oldest gave way", latest: "a later one came", disconnect: "the client was ended", behind: "while catching up", end: "the connection ended" };

function report(r) {
  const s = r.stats;
  const formats = Object.entries(s.formats ?? {}).filter(([, n]) => n > 0).map(([name, n]) => `${count(n)} ${name}`);
  plots.connections.add(r.time, s.attached, formats.join(", "));
  plots.delivered.add(r.time, r.deliver_rate, `${bytes(r.bytes_rate)}/s sent`);
  plots.published.add(r.time, r.publish_rate, `${count(s.published)} since the start`);
  plots.fanout.add(r.time, r.fan_out_p99, "until the last one has it");
  const figures = {
    sessions: count(s.sessions), subs: count(s.subs), topics: count(s.topics), behind: count(s.behind),
    "log-messages": count(s.log?.Messages ?? s.log?.messages ?? 0), "loop-lag": duration(r.loop_lag),
    memory: bytes(r.memory), "per-connection": s.attached > 0 ? bytes(r.memory / s.attached) : "–",
  };
  for (const [id, text] of Object.entries(figures)) $(id).textContent = text;
  totals("dropped", Object.entries(s.dropped ?? {}).map(([name, n]) => [policies[name] ?? name, n, n > 0]));
  totals("resumed", [["recovered", s.resumed], ["not recovered", s.lost, s.lost > 0], ["gaps of slow readers", s.gaps, s.gaps > 0], ["caught up", s.caught_up]]);
  totals("refused", Object.entries(s.refused ?? {}).sort(([, a], [, b]) => b - a).slice(0, 4).map(([code, n]) => [`${code} ${words[code] ?? ""}`, n]));
  rows("top-topics", r.top_topics, "Nothing was delivered in the last second.", (t) =>
    [t.name, rate(t.rate ?? 0), count(t.subscribers), count(t.messages)]);
  rows("slowest", r.slowest, "Nobody lags behind.", (c) =>
    [c.user ? `${c.user} ${c.session}` : c.session, `${c.remote}, ${c.format}`, count(c.lag), count(c.unacked), bytes(c.buffered), bytes(c.queued), count(c.dropped)]);
  $("server").textContent = s.started_at ? `up for ${age((r.time - Date.parse(s.started_at)) / 1000)}` : "";
}

function totals(id, lines) {
  if (lines.length === 0) lines = [["none so far", 0]];
  $(id).replaceChildren(...lines.map(([name, n, bad]) =>
    element("div", { className: bad ? "bad" : n ? "" : "zero" }, element("dt", { textContent: name }), element("dd", { textContent: count(n) }))));
}

const columns = { "top-topics": 4, slowest: 7 };

function rows(id, list, none, cells) {
  const filled = (list ?? []).slice(0, 5).map((x) =>
    element("tr", {}, ...cells(x).map((text, i) => element("td", { textContent: text, title: i ? "" : text }))));
  if (filled.length === 0) filled.push(element("tr", {}, element("td", { className: "empty", colSpan: columns[id], textContent: none })));
  $(id).replaceChildren(...filled);
}

rows("top-topics", [], "Waiting for the first figures.");
rows("slowest", [], "Waiting for the first figures.");
for (const id of ["dropped", "resumed", "refused"]) totals(id, []);

// The connection.

const push = new Push("/ws", { token: () => session.getItem("weir.token") ?? "", storage: session });
let ticking = 0;
let awaySince = 0;

push.on("state", ({ state, retryIn, error }) => {
  const text = { connecting: "connecting", connected: "connected", waiting: "reconnecting", refused: "not allowed", closed: "closed" };
  clearInterval(ticking);
  $("state").dataset.state = document.body.dataset.state = state;
  $("state").title = error?.message ?? "";
  $("state-text").textContent = text[state];
  $("state-wait").textContent = "";
  if (state === "waiting") {
    const at = Date.now() + retryIn;
    const tick = () => ($("state-wait").textContent = `in ${Math.max(Math.ceil((at - Date.now()) / 1000), 0)} s`);
    tick();
    ticking = setInterval(tick, 250);
    awaySince ||= Date.now();
  }
  if (state === "connected") {
    if (awaySince) note(`Connected again, after ${duration((Date.now() - awaySince) / 1000)}.`);
    awaySince = 0;
    askForToken(false);
  }
  if (state === "refused") askForToken(true, `The server does not let this page in: ${error.message}. A token that it accepts is needed.`);
});

push.on("gap", ({ filter, reason }) => {
  note(reason === "dropped"
    ? `Messages of ${filter} were dropped: this page did not keep up.`
    : `Messages of ${filter} may be missing: the log no longer has all that came behind the last one here.`, "gap");
});

push.on("error", (error) => console.warn(error));

function askForToken(open, why) {
  $("token-form").hidden = !open;
  $("token-form").classList.toggle("wanted", Boolean(why));
  $("token-open").setAttribute("aria-expanded", open);
  $("token-why").textContent = why ?? "Sent when the page connects, and kept until this tab is closed.";
  if (open) $("token").focus();
}

$("token-open").addEventListener("click", () => {
  $("token").value = session.getItem("weir.token") ?? "";
  askForToken($("token-form").hidden);
});

$("token-form").addEventListener("submit", (e) => {
  e.preventDefault();
  session.setItem("weir.token", $("token").value.trim());
  if (push.state === "refused" || push.state === "waiting") push.connect();
  else location.reload();
});

push.subscribe("$weir/stats", {}, (m) => report(JSON.parse(m.data))).ready.then(
  () => ($("figures-none").hidden = true),
  (error) => {
    $("figures-none").textContent = `There are no figures to show: ${error.message}. A token with the right to subscribe to $weir/stats gets them; messages do not need it.`;
    $("figures-none").hidden = false;
  });

// Subscribing. What is subscribed to is kept, for when the page is reloaded.

const subscriptions = new Map(); // by filter: {qos, from}

function subscribe(filter, qos, from) {
  let n = 0;
  const number = element("span", { className: "quiet", textContent: "asked for" });
  const chip = element("li", { className: "waiting" }, element("code", { textContent: filter, title: filter }), element("span", { textContent: `QoS ${qos}` }), number,
    element("button", { type: "button", textContent: "×", ariaLabel: `Unsubscribe from ${filter}`, title: "Unsubscribe", onclick: () => end() }));
  chip.dataset.filter = filter;
  const end = (result = `Unsubscribed from ${filter}.`, kind = "") => {
    sub.close();
    chip.remove();
    subscriptions.delete(filter);
    keep();
    say("subscribe-result", result, kind);
  };
  const sub = push.subscribe(filter, { qos, from }, (m) => {
    number.textContent = count(++n);
    show(filter, m);
  });
  subscriptions.set(filter, qos);
  keep();
  $("subscriptions").append(chip);
  sub.ready.then(() => {
    chip.className = "";
    number.textContent = count(n);
  }, (error) => subscriptions.has(filter) && chip.isConnected && end(`${filter} was refused: ${error.message}`, "bad"));
}

const keep = () => session.setItem("weir.subscriptions", JSON.stringify([...subscriptions]));

function say(id, text, kind = "") {
  $(id).textContent = text;
  $(id).className = "result " + kind;
}

$("subscribe-form").addEventListener("submit", (e) => {
  e.preventDefault();
  const filter = $("filter").value.trim();
  try {
    subscribe(filter, Number($("subscribe-qos").value), $("from-start").checked ? "start" : undefined);
    say("subscribe-result", "");
    $("filter").value = "";
  } catch (error) {
    say("subscribe-result", error.message, "bad");
  }
});

// Publishing.

$("publish-form").addEventListener("submit", async (e) => {
  e.preventDefault();
  const topic = $("topic").value.trim();
  const qos = Number($("publish-qos").value);
  const start = performance.now();
  if (push.state !== "connected" && qos === 1) say("publish-result", "It waits for the connection.");
  try {
    const promise = push.publish(topic, $("data").value, { qos });
    if (e.isTrusted) $("data").select();
    const { offset, duplicate } = await promise;
    const took = duration((performance.now() - start) / 1000);
    say("publish-result", qos === 0 ? "Sent; with QoS 0 there is no answer." : `In the log of ${topic} as ${offset}${duplicate ? ", again" : ""}, after ${took}.`, "good");
  } catch (error) {
    say("publish-result", `Not published: ${error.message}`, "bad");
  }
});

$("data").addEventListener("keydown", (e) => {
  if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
    e.preventDefault();
    $("publish-form").requestSubmit();
  }
});

// The list of messages: the latest at the bottom, and followed as long as one looks there.

const mostMessages = 200;
const longestBody = 4000; // characters
let waiting = []; // rows to be shown with the next ones
let received = 0;
let follow = true;

function body(data) {
  if (typeof data === "string") return data.length > longestBody ? `${data.slice(0, longestBody)}… (${count(data.length)} characters)` : data;
  const hex = Array.from(data.subarray(0, 64), (b) => b.toString(16).padStart(2, "0")).join(" ");
  return `${bytes(data.length)}, binary: ${hex}${data.length > 64 ? " …" : ""}`;
}

function show(filter, m) {
  received++;
  const via = filter === m.topic ? [] : [element("span", { textContent: `by ${filter}` })];
  const row = () => {
    const li = element("li", {},
      element("p", { className: "head" }, element("code", { className: "topic", textContent: m.topic, title: m.topic }), ...via,
        element("span", { className: "offset", textContent: m.offset ? `#${m.offset}` : "QoS 0" }), element("time", { textContent: clock.format(now) })),
      element("p", { className: "body", textContent: body(m.data) }));
    Object.assign(li.dataset, { topic: m.topic, offset: m.offset, filter });
    return li;
  };
  const now = new Date();
  add(row);
}

function note(text, kind = "note") {
  add(() => element("li", { className: kind, textContent: text }));
}

/** Has a row shown soon, with others: there may be many thousands a second. */
function add(row) {
  if (waiting.length === 0) setTimeout(render, 50);
  waiting.push(row);
  if (waiting.length > mostMessages) waiting.shift();
}

function render() {
  const list = $("messages");
  list.append(...waiting.splice(0).map((row) => row()));
  while (list.childElementCount > mostMessages) list.firstElementChild.remove();
  $("messages-none").hidden = list.childElementCount > 0;
  $("message-count").textContent = received > mostMessages ? `the last ${mostMessages} of ${count(received)}` : received ? count(received) : "";
  if (follow) list.scrollTop = list.scrollHeight;
  $("latest").hidden = follow;
}

$("messages").addEventListener("scroll", ({ target }) => {
  follow = target.scrollHeight - target.scrollTop - target.clientHeight < 40;
  if (follow) $("latest").hidden = true;
});

$("latest").addEventListener("click", () => {
  follow = true;
  render();
});

$("clear").addEventListener("click", () => {
  $("messages").replaceChildren();
  received = 0;
  follow = true;
  render();
});

try {
  for (const [filter, qos] of JSON.parse(session.getItem("weir.subscriptions") ?? "[]")) subscribe(filter, qos);
} catch (error) {
  console.warn(error);
}
