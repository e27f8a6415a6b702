// What subscribers get, what is acknowledged, and what becomes of what is published.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, match } from "../push.js";
import { msg, settle, start, wild } from "./fake.mjs";

/** Subscribes, and returns the list that the data goes to. */
const listen = (t, filter, options = {}) => {
  const got = [];
  t.push.subscribe(filter, options, (m) => got.push(m.data));
  return got;
};

const subok = (filter, more) => ({ type: "subok", filter, epoch: 7, offset: 0, recovered: true, ...more });

test("messages go to the subscriptions that they are for", async () => {
  for (const encoding of ["json", "binary"]) {
    const t = start({ encoding });
    const exact = listen(t, "chat/a");
    const some = listen(t, "chat/+");
    const all = listen(t, "#");
    await t.connected();
    t.socket.give(msg("chat/a", 0), wild("chat/a", 0), wild("chat/b/c", 0), msg("chat/b", 0));
    assert.deepEqual([exact, some, all], [["chat/a 0"], ["chat/a 0"], ["chat/a 0", "chat/b/c 0"]]);
    t.push.close();
  }
});

test("data is a string if it is UTF-8", async () => {
  for (const encoding of ["json", "binary"]) {
    const t = start({ encoding });
    const got = listen(t, "a");
    await t.connected();
    const binary = Uint8Array.of(0xff, 0, 1);
    t.socket.give(msg("a", 0, { data: "grün\0" }), msg("a", 0, { data: binary }), msg("a", 0, { data: "" }));
    assert.deepEqual(got, ["grün\0", binary, ""]);
    t.push.close();
  }
});

test("messages come in order, and once", async () => {
  const t = start();
  const got = listen(t, "a", { qos: 1 });
  await t.connected();
  t.socket.give(msg("a", 1), msg("a", 2), msg("a", 1), msg("a", 2), msg("a", 3));
  t.socket.end();
  await t.clock.pass(1000);
  await t.connected();
  t.socket.give(msg("a", 2), msg("a", 3), msg("a", 4));
  assert.deepEqual(got, ["a 1", "a 2", "a 3", "a 4"]);
  assert.deepEqual(t.of("gap"), []);
  t.push.close();
});

test("QoS 1 goes on where it was, QoS 0 begins anew", async () => {
  const t = start();
  listen(t, "a", { qos: 1 });
  listen(t, "b", { qos: 0, from: "start" });
  listen(t, "c/#", { qos: 1 });
  await t.connected({}, 10);
  t.socket.give(msg("a", 11), msg("b", 11), wild("c/d", 50));
  t.socket.end();
  await t.clock.pass(1000);
  t.socket.onopen();
  const [hello] = t.socket.sent;
  assert.equal(hello.session, "s1");
  assert.deepEqual(hello.cursors.map((c) => [c.filter, c.cursor?.epoch, c.cursor?.offset]), [
    ["a", 7, 11], ["b", undefined, undefined], ["c/#", 7, 50],
  ]);
  t.push.close();
});

test("all filters with wildcards go back with the one that begins furthest back", async () => {
  const t = start();
  const all = listen(t, "#", { qos: 1 });
  const idle = listen(t, "never/#", { qos: 1 });
  await t.connected({}, 1);
  t.socket.give(wild("a/1", 2), wild("b/1", 3));
  const late = listen(t, "a/#", { qos: 1, from: { epoch: 7, offset: 0 } });
  t.socket.give(wild("a/1", 4)); // before it is confirmed
  assert.deepEqual(late, []);
  const [ask] = t.socket.of("sub");
  t.socket.give(subok("a/#", { id: ask.id, qos: 1 }));
  t.socket.give(wild("a/1", 1), wild("a/1", 2), wild("b/1", 3), wild("a/1", 4), wild("a/1", 5));
  assert.deepEqual(all, ["a/1 2", "b/1 3", "a/1 4", "a/1 5"]);
  assert.deepEqual(late, ["a/1 1", "a/1 2", "a/1 4", "a/1 5"]);
  assert.deepEqual(idle, []);
  // The one that nothing has come for is as far as the others are.
  t.socket.end();
  await t.clock.pass(1000);
  t.socket.onopen();
  assert.deepEqual(t.socket.sent[0].cursors.map((c) => c.cursor.offset), [5, 5, 5]);
  t.push.close();
});

test("what comes early for QoS 0 does not move QoS 1", async () => {
  const t = start();
  const owed = listen(t, "a/#", { qos: 1 });
  const early = listen(t, "b/#", { qos: 0 });
  await t.connected();
  t.socket.give(wild("b/1", 9), wild("a/1", 3), wild("b/1", 4));
  assert.deepEqual([owed, early], [["a/1 3"], ["b/1 9"]]);
  await t.clock.pass(200);
  assert.deepEqual(t.socket.of("ack").map((f) => [f.filter, f.offset]), [["", 3]]);
  t.push.close();
});

test("gaps are told", async () => {
  const t = start();
  const got = listen(t, "a", { qos: 1 });
  listen(t, "b", { qos: 0 });
  await t.connected({}, 10);
  t.socket.give(msg("a", 11), msg("b", 12, { previous: 11 }), msg("b", 13));
  assert.deepEqual(t.of("gap").map((g) => [g.filter, g.reason, g.after.offset]), [["b", "dropped", 10]]);

  // The reader was too slow for the retention.
  t.socket.give(subok("a", { offset: 20, recovered: false }), msg("a", 15), msg("a", 21));
  assert.deepEqual(t.of("gap").at(-1).filter, "a");
  assert.deepEqual(t.of("gap").at(-1).after, { epoch: 7, offset: 11 });

  // What others have to be sent again is no gap for this one.
  t.socket.give(subok("a", { offset: 19, recovered: false }));
  assert.equal(t.of("gap").length, 2);

  // But for filters with wildcards the offset is the position that was reached.
  const wide = listen(t, "w/#", { qos: 1 });
  const [ask] = t.socket.of("sub");
  t.socket.give(subok("w/#", { id: ask.id, qos: 1, offset: 0 }), wild("w/x", 30), subok("w/#", { offset: 30, recovered: false }), wild("w/x", 50));
  assert.deepEqual(t.of("gap").at(-1).after, { epoch: 7, offset: 30 });
  assert.equal(t.of("gap").length, 3);
  assert.deepEqual(wide, ["w/x 30", "w/x 50"]);

  // The log has forgotten the topic: another epoch, with offsets that begin anew.
  t.socket.end();
  await t.clock.pass(1000);
  t.socket.onopen();
  t.socket.give({ type: "welcome", session: "s1", ping: 0 }, subok("a", { id: 1, epoch: 8, offset: 0, recovered: false }), msg("a", 1));
  assert.deepEqual(t.of("gap").at(-1).after, { epoch: 7, offset: 21 });
  assert.equal(t.of("gap").length, 4);
  assert.deepEqual(got, ["a 11", "a 21", "a 1"]);
  t.push.close();
});

test("acknowledgements are cumulative, and few", async () => {
  const t = start();
  listen(t, "a", { qos: 1 });
  listen(t, "b", { qos: 0 });
  listen(t, "w/#", { qos: 1 });
  await t.connected();
  for (let i = 1; i <= 100; i++) t.socket.give(msg("a", i), msg("b", i), wild("w/x", i));
  assert.equal(t.socket.of("ack").length, 0);
  await t.clock.pass(200);
  assert.deepEqual(t.socket.of("ack").map((f) => [f.filter, f.offset]), [["a", 100], ["", 100]]);
  await t.clock.pass(1000);
  assert.equal(t.socket.of("ack").length, 2);
  t.push.close();
});

test("a subscription ends, is refused, or asked for again", async () => {
  const t = start();
  await t.connected();
  const got = listen(t, "a");
  assert.throws(() => listen(t, "a"), /already/);
  const refused = t.push.subscribe("forbidden", {}, () => {});
  const later = t.push.subscribe("later", {}, () => {});
  const [a, f, l] = t.socket.of("sub");
  t.socket.give(subok("a", { id: a.id }));
  t.socket.give({ type: "err", id: f.id, code: Code.forbidden, message: "no" });
  t.socket.give({ type: "err", id: l.id, code: Code.unavailable, temporary: true, retry_after: 3000 });
  await assert.rejects(refused.ready, { code: Code.forbidden });
  assert.equal(t.of("error").at(-1).code, Code.forbidden);
  await t.clock.pass(3000);
  t.socket.give(subok("later", { id: t.socket.of("sub")[3].id, offset: 5 }));
  assert.deepEqual(await later.ready, { epoch: 7, offset: 5, recovered: true });

  t.push.unsubscribe("a");
  assert.deepEqual(t.socket.of("unsub").map((u) => u.filter), ["a"]);
  t.socket.give(msg("a", 0));
  assert.deepEqual(got, []);
  t.push.close();
});

test("a subscription that ends between HELLO and WELCOME is taken back", async () => {
  const t = start();
  listen(t, "a");
  await settle();
  t.socket.onopen();
  t.push.unsubscribe("a");
  t.socket.give({ type: "welcome", session: "s", ping: 0 }, subok("a", { id: 1 }));
  assert.deepEqual(t.socket.of("unsub").map((u) => u.filter), ["a"]);
  t.push.close();
});

test("a callback that throws does not keep the others from their messages", async () => {
  const t = start();
  t.push.subscribe("+", {}, () => { throw new Error("oops"); });
  const got = listen(t, "#");
  await t.connected();
  t.socket.give(wild("a", 1));
  assert.deepEqual(got, ["a 1"]);
  assert.equal(t.of("error")[0].message, "oops");
  t.push.close();
});

test("a message of QoS 1 is sent until it is answered, with one id", async () => {
  const t = start();
  const first = t.push.publish("a", "1", { qos: 1, ttl: 60 });
  const named = t.push.publish("a", { n: 2 }, { qos: 1, id: "mine" });
  await t.connected();
  const [p, q] = t.socket.of("pub");
  assert.deepEqual([p.data, p.ttl, q.data, q.message_id], ["1", 60, '{"n":2}', "mine"]);
  t.socket.give({ type: "puback", id: q.id, epoch: 7, offset: 2 });
  assert.deepEqual(await named, { epoch: 7, offset: 2, duplicate: false });
  t.socket.end();
  const third = t.push.publish("a", "3", { qos: 1 });
  await t.clock.pass(1000);
  await t.connected();
  const again = t.socket.of("pub");
  assert.deepEqual(again.map((f) => f.data), ["1", "3"]);
  assert.equal(again[0].message_id, p.message_id);
  assert.ok(p.message_id && again[1].message_id !== p.message_id);
  // For the time being it is refused.
  t.socket.give({ type: "err", id: again[0].id, code: Code.unavailable, temporary: true, retry_after: 1000 });
  t.socket.give({ type: "err", id: again[1].id, code: Code.forbidden, message: "no" });
  await assert.rejects(third, { code: Code.forbidden });
  await t.clock.pass(1000);
  const last = t.socket.of("pub")[2];
  assert.equal(last.message_id, p.message_id);
  t.socket.give({ type: "puback", id: last.id, epoch: 7, offset: 1, duplicate: true });
  assert.equal((await first).duplicate, true);
  // That another connection comes first changes nothing.
  t.push.publish("a", "4", { qos: 1 }).catch(() => {});
  t.socket.give({ type: "err", id: t.socket.of("pub")[3].id, code: Code.unavailable, temporary: true, retry_after: 5000 });
  t.socket.end();
  await t.clock.pass(1000);
  await t.connected();
  await t.clock.pass(10_000);
  assert.deepEqual(t.socket.of("pub").map((f) => f.data), ["4"]);
  t.push.close();
});

test("no more is sent than the server allows, nor kept than the limit", async () => {
  const t = start({ maxQueue: 3 });
  const all = [1, 2, 3].map((n) => t.push.publish("a", `${n}`, { qos: 1 }));
  await assert.rejects(t.push.publish("a", "4", { qos: 1 }), /too many/);
  await t.connected({ max_flight: 2 });
  assert.deepEqual(t.socket.of("pub").map((f) => f.data), ["1", "2"]);
  t.socket.give({ type: "puback", id: t.socket.of("pub")[0].id, epoch: 7, offset: 1 });
  assert.deepEqual(t.socket.of("pub").map((f) => f.data), ["1", "2", "3"]);
  for (const p of t.socket.of("pub").slice(1)) t.socket.give({ type: "puback", id: p.id, epoch: 7, offset: 1 });
  await Promise.all(all);
  await assert.rejects(t.push.publish("a", "x".repeat(1001), { qos: 1 }), { code: Code.tooLarge });
  await assert.rejects(t.push.publish("a", "ü".repeat(501)), { code: Code.tooLarge });
  t.push.close();
});

test("QoS 0 is sent at once, or not at all", async () => {
  const t = start();
  await assert.rejects(t.push.publish("a", "early"), /no connection/);
  await t.connected();
  await t.push.publish("a", Uint8Array.of(255));
  t.socket.bufferedAmount = 2 << 20;
  await assert.rejects(t.push.publish("a", "late"), /keep up/);
  assert.deepEqual(t.socket.of("pub").map((f) => [f.data, f.message_id]), [[Uint8Array.of(255), ""]]);
  await assert.rejects(t.push.publish("a", "x", { qos: 1, ttl: -1 }), /cannot be sent/);
  t.push.close();
});

test("presence", async () => {
  const t = start();
  await t.connected();
  const asked = t.push.presence("room");
  t.socket.give({ type: "presence", id: t.socket.of("presence")[0].id, topic: "room", count: 2, clients: ["a", "b"] });
  assert.deepEqual((await asked).clients, ["a", "b"]);
  t.socket.give({ type: "presence", topic: "room", joined: ["c"], count: 3 });
  assert.deepEqual(t.of("presence").map((p) => p.joined), [["c"]]);
  const lost = t.push.presence("room");
  t.socket.end();
  await assert.rejects(lost, /no connection/);
  t.push.close();
});

test("a page that was reloaded goes on where it was", async () => {
  const kept = new Map();
  const storage = { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v) };
  const t = start({ storage });
  listen(t, "a", { qos: 1 });
  listen(t, "b", { qos: 0 });
  await t.connected();
  t.socket.give(msg("a", 5), msg("b", 5));
  await t.clock.pass(200);

  const reloaded = start({ storage });
  listen(reloaded, "b", { qos: 0 });
  listen(reloaded, "a", { qos: 1 });
  await settle();
  reloaded.socket.onopen();
  const [hello] = reloaded.socket.sent;
  assert.equal(hello.session, "s1");
  assert.deepEqual(hello.cursors.map((c) => c.cursor), [null, { epoch: 7, offset: 5 }]);
  t.push.close();
  reloaded.push.close();
});

test("filters match topics", () => {
  for (const [filter, topic, want] of [
    ["a", "a", true], ["a", "b", false], ["a/b", "a", false], ["a", "a/b", false],
    ["+", "a", true], ["+", "a/b", false], ["a/+", "a", false], ["a/+", "a/", true], ["+/+", "/a", true],
    ["#", "a/b", true], ["a/#", "a", true], ["a/#", "a/b/c", true], ["a/#", "b", false], ["a/+/c", "a/b/c", true],
    ["#", "$weir/stats", false], ["+/stats", "$weir/stats", false], ["$weir/#", "$weir/stats", true],
  ]) assert.equal(match(filter, topic), want, `${filter} ${topic}`);
});
