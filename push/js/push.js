/**
 * The client of weir/push for browsers, and for Node from 22 on: topics, wildcards, a log
 * from which a client that was away catches up.
 *
 *   import { Push } from "/push.js";
 *
 *   const push = new Push("/ws", { token: async () => (await fetch("/token")).text() });
 *   push.subscribe("chat/#", { qos: 1 }, (message) => console.log(message.topic, message.data));
 *   push.on("gap", ({ filter }) => console.log("messages are missing in", filter));
 *   await push.publish("chat/room", "hello", { qos: 1 });
 *
 * It connects by itself, comes back by itself after a loss, goes on where each
 * subscription was, leaves out what it has had already, and acknowledges what it has
 * handed over. The protocol is described in PROTOCOL.md.
 */

/** @typedef {{epoch: number, offset: number}} Cursor A place in a log: behind a message. */

/**
 * @typedef {object} Message What a subscriber gets.
 * @property {string} topic
 * @property {string|Uint8Array} data a string if it is UTF-8
 * @property {number} offset in the topic's log; 0: it was published with QoS 0
 * @property {number} previous offset of the message before it in its topic
 * @property {number} position in the whole log, if it came for filters with wildcards
 * @property {boolean} wildcard it came for filters with wildcards
 */

/**
 * @typedef {object} Options
 * @property {string|(function(): string|Promise<string>)} [token] who the client is; a
 *   function is asked before each connection, and before a token expires
 * @property {"json"|"binary"} [encoding] "json" if it is not given
 * @property {string} [session] the name under which the server remembers where the
 *   client was; if none is given the server makes one up
 * @property {Pick<Storage, "getItem"|"setItem">} [storage] such as sessionStorage: session
 *   and cursors are kept there, so that a page that was reloaded goes on where it was
 * @property {number} [maxQueue] messages of QoS 1 that may be unanswered or waiting for a
 *   connection; further ones are refused. 1,000
 * @property {number} [maxBuffered] bytes that may wait in the socket before messages of
 *   QoS 0 are refused. 1 MiB
 * @property {number} [connectTimeout] milliseconds until the server must have welcomed
 *   the client. 30,000
 * @property {number} [ackDelay] milliseconds in which acknowledgements are collected. 200
 * @property {string[]} [protocols] the subprotocols that are offered
 * @property {typeof WebSocket} [WebSocket] for tests, as are the next two
 * @property {{setTimeout: function, clearTimeout: function, now: function(): number}} [timers]
 * @property {function(): number} [random]
 */

/** Code tells what a PushError is about. 0 is for what the client itself refuses. */
export const Code = Object.freeze({
  malformed: 100, version: 101, unexpected: 102, tooLarge: 103, topic: 104, tooManySubs: 105, qos: 106,
  unauthorized: 200, expired: 201, revoked: 202, forbidden: 203, takenOver: 204, disconnected: 205,
  unavailable: 300, overloaded: 301, slowConsumer: 302, goingAway: 303, timeout: 304, internal: 305,
});

/** Those after which the client does not come back, or, but for the last, only with another token. */
const final = [Code.unauthorized, Code.expired, Code.revoked, Code.disconnected];

/** PushError is why something was refused. */
export class PushError extends Error {
  /** @param {{code?: number, message?: string, temporary?: boolean, retryAfter?: number}} e */
  constructor({ code = 0, message = "", temporary = false, retryAfter = 0 }) {
    super(message || `refused with code ${code}`);
    this.name = "PushError";
    this.code = code;
    this.temporary = temporary; // the same may succeed later
    this.retryAfter = retryAfter; // milliseconds
  }
}

/** Subscription is what Push.subscribe returns. */
export class Subscription {
  /** @type {boolean} the server has confirmed it on this connection */
  active = false;

  constructor(push, filter, { qos = 0, presence = false, from }, callback) {
    this.filter = filter;
    this.qos = qos;
    this.presence = presence;
    this.wildcard = /[+#]/.test(filter);
    /** @type {?Cursor} behind the last message that was handed over */
    this.cursor = from === "start" ? { epoch: 0, offset: 0 } : from ? { epoch: from.epoch, offset: from.offset } : null;
    this.callback = callback;
    /**
     * Resolves when the server has confirmed the subscription for the first time, with
     * what it said: epoch, offset, recovered. Rejects when it has refused it.
     */
    this.ready = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.ready.catch(() => {}); // the "error" event tells it too
    /** Ends the subscription. */
    this.close = () => push.unsubscribe(filter);
  }

  /** What SUB and HELLO say of it. QoS 0 begins anew after a loss. */
  request() {
    const r = { filter: this.filter, qos: this.qos, presence: this.presence };
    if (this.cursor) r.cursor = this.cursor;
    return r;
  }
}

const longestDelay = 2 ** 31 - 1; // of a timer
const longestWait = 30_000; // before an attempt; and a connection that lasts as long is a success

/**
 * Push is a client. It connects at once; what is subscribed to before there is a
 * connection is part of the first frame. Events, see on():
 *
 *   state     {state, retryIn, error}: "connecting", "connected", "waiting" for retryIn
 *             milliseconds, "refused" (see connect), or "closed"
 *   gap       {filter, subscription, reason, after}: messages behind the cursor after are
 *             missing; reason is "trimmed" if the log no longer has them, or "dropped" if
 *             a subscriber of QoS 0 did not keep up
 *   presence  {topic, joined, left, truncated}: of subscriptions with presence
 *   error     a PushError, or what a callback has thrown
 */
export class Push {
  /** @type {"connecting"|"connected"|"waiting"|"refused"|"closed"} */
  state = "connecting";
  session = "";
  /** @type {?object} WELCOME of the connection: ping, expires, max_message ... */
  limits = null;

  #o;
  #url;
  #listeners = new Map();
  #subs = new Map(); // by filter
  #queue = []; // messages of QoS 1 that wait to be sent
  #asked = new Map(); // by id: what waits for an answer on this connection
  #flying = 0; // messages of QoS 1 in #asked
  #id = 0;
  #messages = 0; // for message ids
  #name = randomName();

  #socket = null;
  #attempt = 0; // counts connections, so that what is late for one is not taken for the next
  #failures = 0; // since a connection that has lasted
  #welcomed = 0; // when
  #heard = 0; // when something was received last
  #token = ""; // that HELLO or TOKEN carried
  #renewed; // the one to begin the next connection with
  #timers = new Map(); // by purpose: "connect", "heartbeat", "renew", "ack"
  #retries = new Set(); // timers of what was refused for the time being

  #dirty = new Set(); // filters to acknowledge, "" for those with wildcards
  #stored = new Map(); // cursors of storage that no subscription has claimed
  #leaving = () => this.#flush();

  /**
   * @param {string} url of the WebSocket, relative to the page if there is one
   * @param {Options} [options]
   */
  constructor(url, options = {}) {
    const base = globalThis.location?.href;
    this.#url = new URL(url, base).href.replace(/^http/, "ws");
    this.#o = {
      token: "", encoding: "json", session: "", storage: null, protocols: ["weir.push.v1"],
      maxQueue: 1000, maxBuffered: 1 << 20, connectTimeout: 30_000, ackDelay: 200,
      WebSocket: globalThis.WebSocket, random: Math.random,
      timers: {
        setTimeout: (f, ms) => setTimeout(f, ms), clearTimeout: (t) => clearTimeout(t), now: () => Date.now(),
      },
      ...options,
    };
    this.#load();
    globalThis.addEventListener?.("pagehide", this.#leaving);
    this.#open();
  }

  /**
   * Calls f with a message of the filter at a time, in order. Each filter can be
   * subscribed to once.
   * @param {string} filter a topic, or a filter with "+" and "#"
   * @param {{qos?: 0|1, from?: "start"|Cursor, presence?: boolean}} options from: where
   *   to begin in the log; if it is not given, where the session was, or else from now on
   * @param {function(Message, Subscription): void} f
   * @returns {Subscription}
   */
  subscribe(filter, options, f) {
    if (this.#subs.has(filter)) throw new PushError({ message: `there is a subscription to ${filter} already` });
    if (this.state === "closed") throw new PushError({ message: "closed" });
    const sub = new Subscription(this, filter, options, f);
    if (sub.qos === 1 && !sub.cursor) sub.cursor = this.#stored.get(filter) ?? null;
    this.#stored.delete(filter);
    this.#subs.set(filter, sub);
    if (this.state === "connected") this.#requestSub(sub);
    return sub;
  }

  /** Ends a subscription. @param {string} filter */
  unsubscribe(filter) {
    const sub = this.#subs.get(filter);
    if (!sub) return;
    this.#remove(sub, new PushError({ message: "unsubscribed" }));
    if (this.state === "connected") this.#send({ type: "unsub", filter });
  }

  /**
   * Publishes. With QoS 0 the promise resolves when the message is in the socket's buffer, and
   * rejects if there is no connection. With QoS 1 it resolves when the message is in the
   * log, with epoch, offset, duplicate; a message that is not answered is sent again with
   * its message id, also over another connection.
   * @param {string} topic
   * @param {string|Uint8Array|ArrayBuffer|object} data an object is written as JSON
   * @param {{qos?: 0|1, ttl?: number, id?: string}} [options] ttl: seconds; id: the
   *   message id, by which the server tells duplicates
   * @returns {Promise<{epoch?: number, offset?: number, duplicate?: boolean}>}
   */
  publish(topic, data, { qos = 0, ttl = 0, id = "" } = {}) {
    if (data instanceof ArrayBuffer) data = new Uint8Array(data);
    else if (typeof data !== "string" && !(data instanceof Uint8Array)) data = JSON.stringify(data) ?? "null";
    const pub = { type: "pub", topic, qos, ttl, data, message_id: "" };
    const refuse = (message, code) => Promise.reject(new PushError({ message, code, temporary: !code }));
    if (this.state === "closed" || this.state === "refused") return refuse("there is no connection: " + this.state);
    if (this.limits && tooLarge(data, this.limits.max_message)) {
      return refuse(`the message is larger than ${this.limits.max_message} bytes`, Code.tooLarge);
    }
    if (qos === 0) {
      if (this.state !== "connected") return refuse("there is no connection");
      if (this.#socket.bufferedAmount > this.#o.maxBuffered) return refuse("the connection does not keep up");
      return this.#send({ ...pub, id: this.#nextID() }) ? Promise.resolve({}) : refuse("the message cannot be sent");
    }
    if (this.#queue.length + this.#flying >= this.#o.maxQueue) return refuse("too many messages are unanswered");
    pub.message_id = id || `${this.#name}-${++this.#messages}`;
    return new Promise((resolve, reject) => {
      this.#queue.push({ pub, resolve, reject });
      this.#pump();
    });
  }

  /**
   * Asks who is subscribed to a topic.
   * @param {string} topic
   * @returns {Promise<{count: number, clients: string[], truncated: boolean}>}
   */
  presence(topic) {
    return new Promise((resolve, reject) => {
      const lost = () => reject(new PushError({ message: "there is no connection", temporary: true }));
      if (this.state !== "connected") return lost();
      this.#ask({ type: "presence", topic }, { ok: resolve, refused: reject, lost });
    });
  }

  /**
   * Calls f on an event, see Push.
   * @param {"state"|"gap"|"presence"|"error"} event
   * @returns {function(): void} which ends that
   */
  on(event, f) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
    const set = this.#listeners.get(event).add(f);
    return () => set.delete(f);
  }

  /** Ends the client. What was not answered is rejected. */
  close() {
    if (this.state === "closed") return;
    this.#flush();
    this.#drop(1000);
    globalThis.removeEventListener?.("pagehide", this.#leaving);
    this.#rest("closed", new PushError({ message: "closed" }));
    for (const sub of [...this.#subs.values()]) this.#remove(sub, new PushError({ message: "closed" }));
  }

  /**
   * Connects at once. There is no need for it, but in the state "refused": when the
   * server has not accepted the token, or an operator has ended the connection, the
   * client does not come back unless token() returns another one.
   */
  connect() {
    if (this.state === "waiting" || this.state === "refused") this.#open();
  }

  // The connection.

  async #open() {
    const attempt = ++this.#attempt;
    this.#setState("connecting");
    this.#timer("connect", this.#o.connectTimeout, () => this.#lost(new PushError({ message: "timed out", temporary: true })));
    try {
      const token = this.#renewed ?? (await this.#askToken());
      if (attempt !== this.#attempt) return;
      this.#renewed = undefined;
      this.#token = token;
      const socket = new this.#o.WebSocket(this.#url, this.#o.protocols);
      this.#socket = socket;
      socket.binaryType = "arraybuffer";
      socket.onopen = () => this.#hello();
      socket.onmessage = (event) => this.#receive(event.data);
      socket.onclose = (event) => this.#lost(new PushError(
        event.code >= 4100 && event.code < 4400
          ? { code: event.code - 4000, message: event.reason, temporary: event.code >= 4300 }
          : { message: event.reason || `the connection has ended (${event.code})`, temporary: true }));
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#emit("error", error); // of token(), or of the URL
      this.#lost(new PushError({ message: error.message, temporary: true }));
    }
  }

  async #askToken() {
    const { token } = this.#o;
    return String((typeof token === "function" ? await token() : token) ?? "");
  }

  #hello() {
    const subs = [...this.#subs.values()];
    this.#id = 0;
    for (const sub of subs) this.#asked.set(this.#nextID(), this.#subAnswer(sub));
    this.#send({
      type: "hello", version: 1, token: this.#token, session: this.session, cursors: subs.map((s) => s.request()),
    });
  }

  #welcome(frame) {
    if (this.limits) return;
    this.limits = frame;
    this.session = frame.session;
    this.#timer("connect");
    this.#welcomed = this.#now();
    this.#expires(frame.expires);
    this.#beat(false);
    this.#save();
    const told = new Set([...this.#asked.values()].map((a) => a.sub)); // by HELLO
    for (const sub of this.#subs.values()) if (!told.has(sub)) this.#requestSub(sub);
    this.#setState("connected");
    this.#pump();
  }

  /** Silence for 0.9 T has PING sent; if nothing has come T/2 later, the server is gone. */
  #beat(pinged) {
    const { ping } = this.limits;
    if (!ping) return;
    const since = this.#now();
    this.#timer("heartbeat", pinged ? ping / 2 : this.#heard + 0.9 * ping - since, () => {
      const silent = this.#now() - this.#heard;
      if (pinged && this.#heard < since) {
        this.#lost(new PushError({ code: Code.timeout, message: "the server is silent", temporary: true }));
      } else if (silent < 0.9 * ping) {
        this.#beat(false);
      } else {
        this.#send({ type: "ping" });
        this.#beat(true);
      }
    });
  }

  /** Has the token renewed when most of its time is over. */
  #expires(seconds) {
    const { token } = this.#o;
    this.#timer("renew");
    if (!seconds || typeof token !== "function") return;
    const end = this.#now() + seconds * 1000;
    const again = () => {
      if (end > this.#now()) this.#expires((end - this.#now()) / 1000);
    };
    this.#timer("renew", Math.max(850 * seconds, 1000), async () => {
      const attempt = this.#attempt;
      try {
        const fresh = await this.#askToken();
        if (attempt !== this.#attempt || this.state !== "connected") return;
        this.#ask({ type: "token", token: fresh }, {
          ok: (frame) => {
            this.#token = fresh;
            this.#expires(frame.expires);
          },
          refused: (error) => {
            this.#emit("error", error);
            again();
          },
        });
      } catch (error) {
        if (attempt !== this.#attempt) return;
        this.#emit("error", error);
        again();
      }
    });
  }

  /** The connection has ended: what was not answered waits for the next one. */
  #lost(error) {
    if (this.limits && this.#now() - this.#welcomed >= longestWait) this.#failures = 0;
    this.#drop();
    const own = this.#o.session !== "";
    if (error.code === Code.takenOver && !own) this.session = ""; // of a tab that was duplicated: a new one
    if (final.includes(error.code) || (error.code === Code.takenOver && own)) this.#refuse(error);
    else this.#wait(error, error.retryAfter + this.#backoff());
  }

  /** The server does not want this token: only another one is tried. */
  async #refuse(error) {
    const attempt = this.#attempt;
    this.#setState("connecting", { error });
    if (typeof this.#o.token === "function" && ![Code.takenOver, Code.disconnected].includes(error.code)) {
      try {
        const token = await this.#askToken();
        if (attempt !== this.#attempt || this.state === "closed") return;
        if (token !== this.#token) {
          this.#renewed = token;
          this.#wait(error, error.retryAfter + this.#backoff());
          return;
        }
      } catch (e) {
        this.#emit("error", e);
      }
    }
    if (attempt === this.#attempt && this.state !== "closed") this.#rest("refused", error);
  }

  #backoff() {
    return this.#o.random() * Math.min(1000 * 2 ** this.#failures++, longestWait);
  }

  #wait(error, delay) {
    this.#setState("waiting", { retryIn: delay, error });
    this.#timer("connect", delay, () => this.#open());
  }

  /** There will be no connection for now: what waits for one is rejected. */
  #rest(state, error) {
    for (const p of this.#queue.splice(0)) p.reject(error);
    this.#setState(state, { error });
  }

  /** Gives the socket up, without waiting for its end, and all that belongs to it. */
  #drop(code) {
    this.#attempt++;
    for (const purpose of [...this.#timers.keys()]) this.#timer(purpose);
    for (const timer of this.#retries) this.#o.timers.clearTimeout(timer);
    this.#retries.clear();
    const socket = this.#socket;
    this.#socket = this.limits = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    this.#flying = 0;
    const again = asked.filter((a) => a.message).map((a) => a.message);
    this.#queue = again.concat(this.#queue);
    for (const a of asked) a.lost?.();
    for (const sub of this.#subs.values()) {
      sub.active = false;
      if (sub.qos === 0 && sub.confirmed) sub.cursor = null;
    }
    this.#dirty.clear();
  }

  // Frames.

  #send(frame) {
    try {
      this.#socket.send(encode(frame, this.#o.encoding));
      return true;
    } catch (error) {
      this.#emit("error", error);
      return false;
    }
  }

  #nextID() {
    return (this.#id = (this.#id % 0xffffffff) + 1);
  }

  #ask(frame, answer) {
    const id = this.#nextID();
    this.#asked.set(id, answer);
    return this.#send({ ...frame, id });
  }

  #receive(data) {
    this.#heard = this.#now();
    let frame;
    try {
      frame = decode(data);
    } catch (error) {
      this.#emit("error", error);
      return this.#lost(new PushError({ code: Code.malformed, message: error.message, temporary: true }));
    }
    const answer = this.#asked.get(frame.id);
    switch (frame.type) {
      case "welcome":
        return this.#welcome(frame);
      case "msg":
        return this.#deliver(frame);
      case "ping":
        return void this.#send({ type: "pong" });
      case "goaway": {
        this.#drop();
        const error = new PushError({ code: Code.goingAway, message: frame.reason, temporary: true });
        return this.#wait(error, frame.retry_after + this.#o.random() * frame.spread);
      }
      case "err": {
        const { code, message, temporary, retry_after: retryAfter } = frame;
        const error = new PushError({ code, message, temporary, retryAfter });
        if (!frame.id) return this.#lost(error);
        if (!answer) return this.#emit("error", error);
        if (temporary && answer.again) return this.#later(retryAfter || this.#o.random() * 2000, frame.id, answer);
        this.#asked.delete(frame.id);
        return answer.refused(error);
      }
      case "subok":
        if (!frame.id) return this.#confirm(this.#subs.get(frame.filter), frame);
        break;
      case "presence":
        if (!frame.id) return this.#emit("presence", frame);
    }
    if (!answer) return;
    this.#asked.delete(frame.id);
    answer.ok(frame);
  }

  // Subscriptions.

  #requestSub(sub) {
    this.#ask({ type: "sub", ...sub.request() }, this.#subAnswer(sub));
  }

  #subAnswer(sub) {
    const there = () => this.#subs.get(sub.filter) === sub;
    return {
      sub,
      ok: (frame) => {
        if (there()) this.#confirm(sub, frame);
        else if (!this.#subs.has(sub.filter)) this.#send({ type: "unsub", filter: sub.filter }); // ended before WELCOME
      },
      again: () => there() && this.#requestSub(sub),
      refused: (error) => {
        if (!there()) return;
        this.#remove(sub, error);
        this.#emit("error", error);
      },
    };
  }

  #remove(sub, error) {
    sub.active = false;
    this.#subs.delete(sub.filter);
    sub.reject(error);
  }

  /** SUBOK: where a subscription goes on. */
  #confirm(sub, { id, epoch, offset, recovered }) {
    const after = sub?.cursor;
    if (!sub || (!id && !sub.active)) return;
    if (!id && epoch === after.epoch && offset <= after.offset) {
      // For wildcards it tells behind which position something is missing, mostly the
      // last one that was sent.
      if (sub.wildcard && !recovered) this.#gap(sub, "trimmed", { ...after });
      return;
    }
    if (!recovered || after?.epoch !== epoch) sub.cursor = { epoch, offset };
    else sub.cursor = { epoch, offset: Math.max(after.offset, offset) };
    sub.active = sub.confirmed = true;
    sub.resolve({ epoch, offset, recovered });
    if (!recovered) this.#gap(sub, "trimmed", after);
  }

  #gap(subscription, reason, after) {
    this.#emit("gap", { filter: subscription.filter, subscription, reason, after });
  }

  /**
   * MSG: for the one subscription to its topic, or for all with wildcards. The server sends
   * what QoS 1 is owed in the order of the positions, and all filters with wildcards
   * together go back with the one that begins furthest back; so a message for one of
   * them says where the others are, too. Those for QoS 0 alone may come early.
   */
  #deliver({ topic, data, offset, previous, position, wildcard }) {
    const message = { topic, data, offset, previous, position, wildcard };
    if (!wildcard) {
      const sub = this.#subs.get(topic);
      if (!sub?.active || (offset && offset <= sub.cursor.offset)) return;
      const after = { ...sub.cursor };
      if (offset) {
        sub.cursor.offset = offset;
        if (previous > after.offset) this.#gap(sub, "dropped", after);
        this.#handled(sub);
      }
      return this.#call(sub, message);
    }
    const wild = [...this.#subs.values()].filter((s) => s.active && s.wildcard);
    const hit = wild.filter((s) => match(s.filter, topic));
    const fresh = hit.filter((s) => !position || position > s.cursor.offset);
    const inOrder = hit.some((s) => s.qos === 1);
    for (const s of position ? wild : []) {
      if (hit.includes(s) || (inOrder && s.qos === 1)) s.cursor.offset = Math.max(s.cursor.offset, position);
    }
    if (position && inOrder) this.#handled(hit.find((s) => s.qos === 1));
    for (const s of fresh) {
      if (this.#subs.get(s.filter) === s) this.#call(s, message);
    }
  }

  #call(sub, message) {
    try {
      sub.callback(message, sub);
    } catch (error) {
      this.#emit("error", error);
    }
  }

  /** Has a subscription of QoS 1 acknowledged soon, with others. */
  #handled(sub) {
    if (sub.qos !== 1) return;
    this.#dirty.add(sub.wildcard ? "" : sub.filter);
    if (!this.#timers.has("ack")) this.#timer("ack", this.#o.ackDelay, () => this.#flush());
  }

  /** Acknowledges, and stores the cursors. */
  #flush() {
    this.#timer("ack");
    if (this.state !== "connected") return;
    for (const filter of this.#dirty) {
      const all = [...this.#subs.values()].filter((s) => s.active && s.qos === 1 && (filter === "" ? s.wildcard : s.filter === filter));
      if (all.length > 0) this.#send({ type: "ack", filter, offset: Math.min(...all.map((s) => s.cursor.offset)) });
    }
    this.#dirty.clear();
    this.#save();
  }

  // Publishing.

  /** Sends what waits, as far as the server allows it. */
  #pump() {
    const most = this.limits?.max_flight || 1024;
    while (this.state === "connected" && this.#queue.length > 0 && this.#flying < most) {
      const message = this.#queue.shift();
      this.#flying++;
      const answered = (f) => (x) => {
        this.#flying--;
        f(x);
        this.#pump();
      };
      const answer = {
        message,
        ok: answered(({ epoch, offset, duplicate }) => message.resolve({ epoch, offset, duplicate })),
        refused: answered(message.reject),
        again: () => {
          this.#queue.unshift(message);
          answered(() => {})();
        },
      };
      message.pub.id = this.#nextID();
      this.#asked.set(message.pub.id, answer);
      if (!this.#send(message.pub)) {
        this.#asked.delete(message.pub.id);
        answer.refused(new PushError({ message: "the message cannot be sent" }));
      }
    }
  }

  // Storage.

  #load() {
    this.session = this.#o.session;
    try {
      const kept = JSON.parse(this.#o.storage?.getItem("weir.push:" + this.#url) ?? "null");
      if (!kept) return;
      this.session ||= String(kept.session);
      for (const [filter, epoch, offset] of kept.cursors) this.#stored.set(filter, { epoch, offset });
    } catch (error) {
      this.#emit("error", error); // somebody else's, or none may be read
    }
  }

  #save() {
    const { storage } = this.#o;
    if (!storage) return;
    const cursors = [...this.#stored].slice(-100); // of filters that nobody has asked for yet
    for (const s of this.#subs.values()) if (s.qos === 1 && s.cursor) cursors.push([s.filter, s.cursor]);
    const kept = { session: this.session, cursors: cursors.map(([filter, c]) => [filter, c.epoch, c.offset]) };
    try {
      storage.setItem("weir.push:" + this.#url, JSON.stringify(kept));
    } catch (error) {
      this.#emit("error", error); // it is full
    }
  }

  // Events and timers.

  #setState(state, detail = {}) {
    this.state = state;
    this.#emit("state", { state, retryIn: 0, error: null, ...detail });
  }

  #emit(event, detail) {
    for (const f of this.#listeners.get(event) ?? []) {
      try {
        f(detail);
      } catch (error) {
        console.error(error);
      }
    }
    if (event === "error" && !this.#listeners.get(event)?.size) console.warn("push:", detail);
  }

  #now() {
    return this.#o.timers.now();
  }

  /** Sets the timer for a purpose, or without f stops it. */
  #timer(purpose, delay, f) {
    this.#o.timers.clearTimeout(this.#timers.get(purpose));
    this.#timers.delete(purpose);
    if (!f) return;
    const fire = () => {
      this.#timers.delete(purpose);
      f();
    };
    this.#timers.set(purpose, this.#o.timers.setTimeout(fire, Math.min(Math.max(delay, 0), longestDelay)));
  }

  /** Has what was refused for the time being asked again, if the connection lasts. */
  #later(delay, id, answer) {
    const timer = this.#o.timers.setTimeout(() => {
      this.#retries.delete(timer);
      this.#asked.delete(id);
      answer.again();
    }, Math.min(delay, longestDelay));
    this.#retries.add(timer);
  }
}


function randomName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
}

function tooLarge(data, max) {
  if (!max || data.length * 3 <= max) return false; // a string has at most three bytes a unit
  return (typeof data === "string" ? utf8.encode(data) : data).length > max;
}

/**
 * Reports whether a filter matches a topic: "+" stands for a level, "#" for any number of
 * them at the end. Neither matches a first level that begins with "$".
 * @param {string} filter
 * @param {string} topic
 */
export function match(filter, topic) {
  const f = filter.split("/");
  const t = topic.split("/");
  if (topic.startsWith("$") && (f[0] === "+" || f[0] === "#")) return false;
  for (let i = 0; i < f.length; i++) {
    if (f[i] === "#") return true;
    if (i >= t.length || (f[i] !== "+" && f[i] !== t[i])) return false;
  }
  return f.length === t.length;
}

// The encodings. A layout has the fields of a frame in the order of the binary encoding:
// what each holds, or for flags the bits of its fields. Fields that are in the flags and
// behind them, too, are there if the bit is set.

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const maxList = 10_000;

const number = (bits) => ({
  zero: 0,
  valid: (x) => Number.isInteger(x) && x >= 0 && x < 2 ** bits,
  put: (w, x) => w.number(x),
  get: (r) => r.number(bits),
});
const text = {
  zero: "",
  valid: (x) => typeof x === "string",
  put: (w, x) => w.text(x),
  get: (r) => strict.decode(r.take(r.number(32))),
};
const list = (kind) => ({
  zero: [],
  valid: (x) => Array.isArray(x) && x.length <= maxList && x.every(kind.valid),
  put: (w, x) => {
    w.number(x.length);
    for (const e of x) kind.put(w, e);
  },
  get: (r) => {
    const n = r.number(32);
    if (n > maxList) throw new Error(`a list of ${n}`);
    return Array.from({ length: n }, () => kind.get(r));
  },
});
const struct = (layout) => ({
  zero: null,
  valid: (x) => typeof x === "object" && x !== null && check(layout, x),
  put: (w, x) => put(w, layout, x),
  get: (r) => get(r, layout),
});
const data = {
  zero: "",
  valid: (x) => typeof x === "string" || x instanceof Uint8Array,
  put: (w, x) => w.bytes(typeof x === "string" ? utf8.encode(x) : x),
  get: (r) => fromBytes(r.take(r.left)),
};
const [u8, u16, u32, u53] = [8, 16, 32, 53].map(number);
const qos = number(2);
const flag = { zero: false, valid: (x) => typeof x === "boolean" };

const subscription = {
  flags: { qos: 3, presence: 4, cursor: 8 }, filter: text, cursor: struct({ epoch: u53, offset: u53 }),
};
const layouts = {
  hello: { version: u8, token: text, session: text, cursors: list(struct(subscription)) },
  welcome: { session: text, ping: u32, expires: u32, max_message: u32, max_subs: u32, max_topic: u32, max_flight: u32 },
  sub: { id: u32, ...subscription },
  subok: { flags: { qos: 3, recovered: 4 }, id: u32, filter: text, epoch: u53, offset: u53 },
  unsub: { filter: text },
  pub: { flags: { qos: 3 }, id: u32, topic: text, message_id: text, ttl: u32, data },
  puback: { flags: { duplicate: 1 }, id: u32, epoch: u53, offset: u53 },
  msg: {
    flags: { wildcard: 1, offset: 2, previous: 4, position: 8 },
    topic: text, offset: u53, previous: u53, position: u53, data,
  },
  ack: { filter: text, offset: u53 },
  ping: {},
  pong: {},
  token: { id: u32, token: text, expires: u32 },
  presence: { flags: { truncated: 1 }, id: u32, topic: text, count: u32, clients: list(text), joined: list(text), left: list(text) },
  goaway: { retry_after: u32, spread: u32, reason: text },
  err: { flags: { temporary: 1 }, id: u32, code: u16, retry_after: u32, message: text },
};
const names = Object.keys(layouts); // the type of a binary frame is its place, from 1 on

/** The fields of a layout, with what each holds. */
function fields({ flags = {}, ...rest }) {
  const all = {};
  for (const name of Object.keys(flags)) all[name] = name === "qos" ? qos : flag;
  return Object.entries(Object.assign(all, rest));
}

/** Reports whether the fields of an object are what they have to be, and fills in what is missing. */
function check(layout, object) {
  for (const [name, kind] of fields(layout)) {
    object[name] ??= Array.isArray(kind.zero) ? [] : kind.zero;
    if (object[name] !== kind.zero && !kind.valid(object[name])) throw new Error(`${name} is not valid`);
  }
  return true;
}

function put(w, layout, object) {
  for (const [name, kind] of Object.entries(layout)) {
    if (name === "flags") {
      let byte = 0;
      for (const [f, bits] of Object.entries(kind)) byte |= f === "qos" ? object.qos : object[f] ? bits : 0;
      w.bytes(Uint8Array.of(byte));
    } else if (!layout.flags?.[name] || object[name]) kind.put(w, object[name]);
  }
}

function get(r, layout) {
  const object = {};
  for (const [name, kind] of Object.entries(layout)) {
    if (name === "flags") {
      const [byte] = r.take(1);
      if (byte & ~Object.values(kind).reduce((a, b) => a | b)) throw new Error("reserved flags are set");
      for (const [f, bits] of Object.entries(kind)) object[f] = f === "qos" ? byte & bits : (byte & bits) !== 0;
    } else if (!layout.flags?.[name] || object[name]) object[name] = kind.get(r);
    else object[name] = kind.zero;
  }
  return object;
}

/** Data as a string, if it is UTF-8. */
function fromBytes(bytes) {
  try {
    return strict.decode(bytes);
  } catch {
    return bytes.slice();
  }
}

/**
 * Encodes a frame: an object with a type and the fields that PROTOCOL.md has for it.
 * @param {object} frame
 * @param {"json"|"binary"} encoding
 * @returns {string|Uint8Array}
 */
export function encode({ ...frame }, encoding) {
  const layout = layouts[frame.type];
  check(layout, frame);
  if (encoding === "binary") {
    const w = new Writer();
    w.number(names.indexOf(frame.type) + 1);
    put(w, layout, frame);
    return w.done();
  }
  if (frame.data instanceof Uint8Array) frame.data = fromBytes(frame.data);
  if (frame.data instanceof Uint8Array) {
    frame.base64 = btoa(Array.from(frame.data, (b) => String.fromCharCode(b)).join(""));
    delete frame.data;
  }
  for (const [name, x] of Object.entries(frame)) if (!x || x.length === 0) delete frame[name];
  return JSON.stringify(frame);
}

/**
 * Decodes a frame; all its fields are set. Throws if it is not one.
 * @param {string|ArrayBuffer} message
 * @returns {object}
 */
export function decode(message) {
  if (typeof message !== "string") {
    const r = new Reader(new Uint8Array(message));
    const type = names[r.take(1)[0] - 1];
    if (!type) throw new Error("there is no such type of frame");
    const frame = { type, ...get(r, layouts[type]) };
    if (r.left > 0) throw new Error(`${type}: ${r.left} bytes behind its end`);
    return frame;
  }
  const frame = JSON.parse(message);
  if (!Object.hasOwn(layouts, frame?.type)) throw new Error("there is no such type of frame");
  if (typeof frame.base64 === "string") {
    if (typeof frame.data === "string") throw new Error("both data and base64");
    if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(frame.base64)) throw new Error("base64 is not valid");
    frame.data = fromBytes(Uint8Array.from(atob(frame.base64), (c) => c.charCodeAt(0)));
  }
  check(layouts[frame.type], frame);
  return frame;
}

class Writer {
  #parts = [];
  #size = 0;

  bytes(part) {
    this.#parts.push(part);
    this.#size += part.length;
  }

  number(x) {
    const bytes = [];
    for (; x >= 128; x = Math.floor(x / 128)) bytes.push((x % 128) + 128);
    this.bytes(Uint8Array.of(...bytes, x));
  }

  text(s) {
    const bytes = utf8.encode(s);
    this.number(bytes.length);
    this.bytes(bytes);
  }

  done() {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

class Reader {
  #rest;

  constructor(bytes) {
    this.#rest = bytes;
  }

  get left() {
    return this.#rest.length;
  }

  take(n) {
    if (n > this.left) throw new Error("the frame is cut off");
    const bytes = this.#rest.subarray(0, n);
    this.#rest = this.#rest.subarray(n);
    return bytes;
  }

  number(bits) {
    let x = 0;
    for (let i = 0; i < 10; i++) {
      const [byte] = this.take(1);
      x += (byte % 128) * 128 ** i;
      if (byte < 128 && x < 2 ** bits) return x;
      if (byte < 128) break;
    }
    throw new Error(`a number has more than ${bits} bits`);
  }
}
