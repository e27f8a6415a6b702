// How a client connects, comes back, and keeps its connection.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code } from "../push.js";
import { settle, start } from "./fake.mjs";

test("HELLO has the token, the session and the subscriptions", async () => {
  const t = start({ token: async () => "secret", session: "phone" });
  t.push.subscribe("a", { qos: 1, from: { epoch: 3, offset: 4 } }, () => {});
  t.push.subscribe("b/#", { presence: false }, () => {});
  t.push.subscribe("c", { qos: 1, from: "start", presence: true }, () => {});
  await settle();
  assert.equal(t.socket.url, "ws://server/ws");
  assert.deepEqual(t.socket.protocols, ["weir.push.v1"]);
  t.socket.onopen();
  assert.deepEqual(t.socket.sent, [{
    type: "hello", version: 1, token: "secret", session: "phone", cursors: [
      { filter: "a", qos: 1, presence: false, cursor: { epoch: 3, offset: 4 } },
      { filter: "b/#", qos: 0, presence: false, cursor: null },
      { filter: "c", qos: 1, presence: true, cursor: { epoch: 0, offset: 0 } },
    ],
  }]);
  t.push.close();
});

test("what is subscribed to between HELLO and WELCOME is asked for behind it", async () => {
  const t = start();
  t.push.subscribe("a", {}, () => {});
  await settle();
  t.socket.onopen();
  t.push.subscribe("b", {}, () => {});
  t.socket.give({ type: "welcome", session: "s", ping: 1000 });
  assert.deepEqual(t.socket.of("sub").map((f) => [f.id, f.filter]), [[2, "b"]]);
  t.push.close();
});

test("waits between attempts are random, and double up to 30 s", async () => {
  const seen = [];
  const t = start({ random: () => (seen.push(0), 0.999) });
  for (const most of [1, 2, 4, 8, 16, 30, 30]) {
    await settle();
    t.socket.end();
    const { state, retryIn } = t.of("state").at(-1);
    assert.equal(state, "waiting");
    assert.ok(retryIn > most * 990 && retryIn < most * 1000, `${retryIn} of ${most} s`);
    const before = t.sockets.length;
    await t.clock.pass(retryIn - 1);
    assert.equal(t.sockets.length, before);
    await t.clock.pass(1);
    assert.equal(t.sockets.length, before + 1);
  }
  t.push.close();
});

test("only a connection that has lasted 30 s counts as a success", async () => {
  const t = start({ random: () => 1 });
  await settle();
  t.socket.end();
  for (const [lasted, wait] of [[29_999, 2000], [30_000, 1000], [0, 2000]]) {
    t.push.connect();
    await t.connected({ ping: 0 });
    await t.clock.pass(lasted);
    t.socket.end();
    assert.equal(t.of("state").at(-1).retryIn, wait);
  }
  t.push.close();
});

test("a server that does not welcome is given up", async () => {
  const t = start({ connectTimeout: 5000 });
  await settle();
  t.socket.onopen();
  await t.clock.pass(5000);
  assert.ok(t.socket.closed);
  assert.equal(t.push.state, "waiting");
  t.push.close();
  assert.equal(t.clock.pending, 0);
});

test("GOAWAY says when to come back", async () => {
  const t = start({ random: () => 0.25 });
  await t.connected();
  t.socket.give({ type: "goaway", retry_after: 3000, spread: 8000, reason: "restart" });
  assert.ok(t.socket.closed);
  const { state, retryIn, error } = t.of("state").at(-1);
  assert.deepEqual([state, retryIn, error.message], ["waiting", 5000, "restart"]);
  await t.clock.pass(5000);
  assert.equal(t.sockets.length, 2);
  t.push.close();
});

test("ERR says when to come back at the earliest", async () => {
  const t = start();
  await t.connected();
  t.socket.give({ type: "err", code: Code.overloaded, temporary: true, retry_after: 60_000 });
  assert.equal(t.of("state").at(-1).retryIn, 60_500);
  t.push.close();
});

for (const code of [Code.unauthorized, Code.expired, Code.revoked]) {
  test(`after ${code} the client comes back with another token only`, async () => {
    let token = "one";
    const t = start({ token: () => token });
    await t.connected();
    t.socket.give({ type: "err", code, message: "no" });
    await t.clock.pass(60_000);
    assert.equal(t.push.state, "refused");
    assert.equal(t.of("state").at(-1).error.code, code);
    assert.equal(t.sockets.length, 1);
    await assert.rejects(t.push.publish("a", "x", { qos: 1 }));

    token = "two";
    t.push.connect();
    await t.connected();
    assert.equal(t.socket.sent[0].token, "two");
    token = "three";
    t.socket.end(4000 + code, "no"); // the close code says the same
    await t.clock.pass(1000);
    t.socket.onopen();
    assert.equal(t.sockets.length, 3);
    assert.equal(t.socket.sent[0].token, "three");
    t.push.close();
  });
}

test("who was disconnected by the operator stays away, whatever the token", async () => {
  let token = "one";
  const t = start({ token: () => token });
  await t.connected();
  token = "two";
  t.socket.give({ type: "err", code: Code.disconnected, message: "no" });
  await t.clock.pass(60_000);
  assert.equal(t.push.state, "refused");
  assert.equal(t.sockets.length, 1);
  t.push.close();
});

test("a token that is not a function is not tried again", async () => {
  const t = start({ token: "one" });
  await settle();
  t.socket.end(4000 + Code.unauthorized);
  await t.clock.pass(60_000);
  assert.equal(t.push.state, "refused");
});

test("a session that was taken over: a new one, or the end, if it has a name", async () => {
  const t = start();
  await t.connected();
  t.socket.give({ type: "err", code: Code.takenOver });
  await t.clock.pass(1000);
  t.socket.onopen();
  assert.equal(t.socket.sent[0].session, "");
  t.push.close();

  const named = start({ session: "phone" });
  await named.connected();
  named.socket.give({ type: "err", code: Code.takenOver });
  await named.clock.pass(60_000);
  assert.equal(named.push.state, "refused");
});

test("a token() that fails is asked again", async () => {
  let fails = true;
  const t = start({ token: async () => { if (fails) throw new Error("offline"); return "x"; } });
  await settle();
  assert.equal(t.sockets.length, 0);
  assert.equal(t.push.state, "waiting");
  assert.equal(t.of("error").at(-1).message, "offline");
  fails = false;
  await t.clock.pass(500);
  assert.equal(t.sockets.length, 1);
  t.push.close();
});

test("a token is renewed before it expires", async () => {
  let n = 0;
  const t = start({ token: () => `token ${++n}` });
  await t.connected({ ping: 0, expires: 100 });
  await t.clock.pass(84_999);
  assert.equal(t.socket.of("token").length, 0);
  await t.clock.pass(1);
  const [first] = t.socket.of("token");
  assert.equal(first.token, "token 2");
  t.socket.give({ type: "token", id: first.id, expires: 1000 });
  await t.clock.pass(849_999);
  assert.equal(t.socket.of("token").length, 1);
  await t.clock.pass(1);
  const second = t.socket.of("token")[1];
  assert.equal(second.token, "token 3");
  // 15 % of the time is left, of which 85 % are waited.
  t.socket.give({ type: "err", id: second.id, code: Code.unavailable, temporary: true });
  await t.clock.pass(127_500);
  assert.equal(t.socket.of("token").length, 3);
  t.push.close();
});

test("a silent server is asked, and left if it stays silent", async () => {
  const t = start();
  await t.connected({ ping: 10_000 });
  await t.clock.pass(5000);
  t.socket.give({ type: "pong" });
  await t.clock.pass(8999);
  assert.equal(t.socket.of("ping").length, 0);
  await t.clock.pass(1);
  assert.equal(t.socket.of("ping").length, 1);
  await t.clock.pass(4000);
  t.socket.give({ type: "pong" });
  await t.clock.pass(8999);
  assert.equal(t.socket.of("ping").length, 1);
  await t.clock.pass(1);
  assert.equal(t.socket.of("ping").length, 2);
  await t.clock.pass(4999);
  assert.equal(t.push.state, "connected");
  await t.clock.pass(1);
  assert.equal(t.push.state, "waiting");
  assert.ok(t.socket.closed);
  assert.equal(t.of("state").at(-1).error.code, Code.timeout);
  t.push.close();
});

test("PING is answered, and what is no frame ends the connection", async () => {
  const t = start();
  await t.connected();
  t.socket.give({ type: "ping" });
  assert.equal(t.socket.of("pong").length, 1);
  t.socket.onmessage({ data: "{" });
  assert.equal(t.push.state, "waiting");
  t.push.close();
});

test("the end leaves no timer, and rejects what waits", async () => {
  const t = start();
  t.push.subscribe("a", { qos: 1 }, () => {});
  await t.connected();
  t.socket.give({ type: "msg", topic: "a", offset: 1, data: "x" });
  const waits = t.push.publish("a", "x", { qos: 1 });
  const asks = t.push.presence("a");
  t.push.close();
  await assert.rejects(waits);
  await assert.rejects(asks);
  assert.equal(t.clock.pending, 0);
  assert.ok(t.socket.closed);
  assert.equal(t.socket.of("ack").length, 1);
  assert.deepEqual(t.of("state").map((s) => s.state), ["connected", "closed"]);
  t.push.connect();
  await settle();
  assert.equal(t.sockets.length, 1);
});
