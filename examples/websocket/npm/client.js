// Talks to the WebSocket example with npm's ws:
//
//   node client.js ws://127.0.0.1:8081/ [deflate]
//
// It prints the extensions that were negotiated and what it has done, and fails with
// an assertion if the server does not do as it should. The server's largest message
// has to be 1 MiB.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");
const WebSocket = require("ws");

const [url, deflate] = process.argv.slice(2);
const options = { perMessageDeflate: deflate === "deflate" && { threshold: 0 } };

async function open(more) {
  const ws = new WebSocket(url, { ...options, ...more });
  ws.once("upgrade", response => { ws.negotiated = response.headers["sec-websocket-extensions"] ?? ""; });
  await once(ws, "open");
  return ws;
}

// Sends messages at once, and expects them back in order.
async function echo(ws, messages) {
  let next = 0;
  const all = new Promise((resolve, reject) => {
    ws.on("close", code => reject(new Error("closed with " + code)));
    ws.on("message", (data, isBinary) => {
      const want = messages[next++];
      try {
        assert.equal(isBinary, typeof want !== "string", "the kind of message " + next);
        assert.ok(data.equals(Buffer.from(want)), "the content of message " + next);
      } catch (e) {
        reject(e);
      }
      if (next === messages.length) resolve();
    });
  });
  for (const m of messages) ws.send(m);
  await all;
  ws.removeAllListeners("message");
  ws.removeAllListeners("close");
}

function random(size) {
  const b = Buffer.alloc(size);
  for (let i = 0, x = size; i < size; i++) b[i] = (x = (x * 1103515245 + 12345) & 0x7fffffff) >> 16;
  return b;
}

async function closed(ws) {
  const [code, reason] = await once(ws, "close");
  return [code, reason.toString()];
}

const tests = {
  async "messages of every kind and size"() {
    const ws = await open();
    console.log("extensions: " + ws.negotiated);
    const messages = [];
    for (const size of [0, 1, 125, 126, 480, 481, 65535, 65536, 1 << 20]) {
      messages.push(random(size), "x".repeat(size), "Grüße, 世界 🌍 ".repeat(size / 32));
    }
    await echo(ws, messages);
    ws.close(1000, "bye");
    assert.deepEqual(await closed(ws), [1000, "bye"]);
  },

  async "many small messages"() {
    const ws = await open();
    await echo(ws, Array.from({ length: 2000 }, (_, i) => JSON.stringify({ message: "number " + i, of: 2000 })));
    ws.close();
    assert.deepEqual(await closed(ws), [1005, ""]);
  },

  async "fragments, with pings in between"() {
    const ws = await open();
    const pongs = [];
    ws.on("pong", data => pongs.push(data.toString()));
    const pieces = Array.from({ length: 50 }, (_, i) => "Stück " + i + ", ".repeat(i * 10));
    const message = once(ws, "message");
    pieces.forEach((piece, i) => {
      ws.send(piece, { fin: i === pieces.length - 1 });
      if (i % 10 === 5) ws.ping("ping " + i);
    });
    const [data, isBinary] = await message;
    assert.equal(data.toString(), pieces.join(""));
    assert.equal(isBinary, false);
    assert.deepEqual(pongs, ["ping 5", "ping 15", "ping 25", "ping 35", "ping 45"]);

    const binary = once(ws, "message");
    ws.send(random(300000), { fin: false });
    ws.send(random(300000), { fin: true });
    assert.ok((await binary)[0].equals(Buffer.concat([random(300000), random(300000)])));
    ws.terminate();
  },

  async "messages that are too large"() {
    for (const fragments of [1, 3]) {
      const ws = await open();
      const end = closed(ws);
      ws.on("error", () => {}); // the server may close before all of it is sent
      for (let i = 1; i <= fragments; i++) ws.send("x".repeat((1 << 20) / fragments + 1), { fin: i === fragments });
      assert.equal((await end)[0], 1009);
    }
  },

  async "text that is no UTF-8"() {
    const ws = await open();
    ws.send(Buffer.from("a\xff", "latin1"), { binary: false });
    assert.equal((await closed(ws))[0], 1007);
  },

  async "other origins"() {
    const host = new URL(url).host;
    const ws = await open({ origin: "http://" + host });
    await echo(ws, ["same origin"]);
    ws.terminate();
    for (const origin of ["http://elsewhere.example", "null", "http://" + host + "0"]) {
      const ws = new WebSocket(url, { ...options, origin });
      ws.on("error", () => {}); // of terminate
      const [, response] = await once(ws, "unexpected-response");
      assert.equal(response.statusCode, 403, origin);
      response.resume();
      ws.terminate();
    }
  },
};

(async () => {
  for (const [name, test] of Object.entries(tests)) {
    await test().catch(e => {
      e.message = name + ": " + e.message;
      throw e;
    });
    console.log("ok: " + name);
  }
})();
