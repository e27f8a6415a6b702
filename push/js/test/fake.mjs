// A server and a clock that tests command.

import { webcrypto } from "node:crypto";

import { decode, encode, Push } from "../push.js";

globalThis.crypto ??= webcrypto; // node has it by itself from 20 on

/** Timers that fire when the test says so. */
export class Clock {
  time = 1_000_000;
  #timers = new Map();
  #last = 0;

  setTimeout = (f, ms) => {
    this.#timers.set(++this.#last, { f, at: this.time + ms });
    return this.#last;
  };
  clearTimeout = (t) => this.#timers.delete(t);
  now = () => this.time;

  /** Lets time pass, and fires what is due, in order. */
  async pass(ms) {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(([, t]) => t.at <= end).sort(([a, s], [b, t]) => s.at - t.at || a - b)[0];
      if (!due) break;
      this.#timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].f();
    }
    this.time = end;
  }

  get pending() {
    return this.#timers.size;
  }
}

/** Lets all that is promised already happen. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A Push whose connections are in sockets. */
export function start(options = {}) {
  const clock = new Clock();
  const sockets = [];
  const events = [];
  class Socket {
    sent = [];
    bufferedAmount = 0;
    closed = false;

    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      sockets.push(this);
    }

    send(message) {
      this.sent.push(decode(message instanceof Uint8Array ? message.buffer : message));
    }

    close() {
      this.closed = true;
    }

    /** What the server does. */
    give(...frames) {
      for (const f of frames) {
        const m = encode(f, options.encoding ?? "json");
        this.onmessage?.({ data: m instanceof Uint8Array ? m.buffer : m });
      }
    }

    end(code = 1006, reason = "") {
      this.onclose?.({ code, reason });
    }

    /** Opens, welcomes, and confirms what HELLO asks for, from an offset on. */
    welcome(more = {}, offset = 0) {
      this.onopen();
      const { cursors } = this.sent[0];
      this.give({ type: "welcome", session: "s1", ping: 20_000, max_message: 1000, max_subs: 100, max_topic: 255, ...more });
      cursors.forEach((c, i) => this.give({
        type: "subok", id: i + 1, filter: c.filter, qos: c.qos, epoch: c.cursor?.epoch || 7, offset: c.cursor?.offset || offset, recovered: true,
      }));
    }

    of(type) {
      return this.sent.filter((f) => f.type === type);
    }
  }
  const push = new Push("ws://server/ws", { WebSocket: Socket, timers: clock, random: () => 0.5, ...options });
  for (const e of ["state", "gap", "presence", "error"]) push.on(e, (detail) => events.push([e, detail]));
  return {
    push, clock, sockets, settle,
    get socket() {
      return sockets.at(-1);
    },
    of: (event) => events.filter(([e]) => e === event).map(([, detail]) => detail),
    /** Starts, and waits until the socket of this connection is there. */
    async connected(more, offset) {
      await settle();
      sockets.at(-1).welcome(more, offset);
      return sockets.at(-1);
    },
  };
}

export const msg = (topic, offset, more = {}) => ({ type: "msg", topic, offset, previous: Math.max(offset - 1, 0), data: `${topic} ${offset}`, ...more });
export const wild = (topic, position, more = {}) => msg(topic, position, { wildcard: true, position, ...more });
