// Follows an event log live and misses nothing. Push is a hint, the log is the truth: whatever becomes of a socket, the
// next one is asked for everything `after` the last event taken, so closing early is always safe, and done freely here.

/** The times, in milliseconds, that `options.timing` can change. */
export const timing = Object.freeze({
  open: 30_000, // API Gateway gives a cold $connect 29 s
  idle: 300_000, // API Gateway closes what was idle for 10 minutes
  pong: 10_000,
  age: 6_600_000, // API Gateway closes every connection after 2 hours
  stable: 20_000, // open for so long, a connection has not failed
  backoffFrom: 500,
  backoffTo: 30_000,
  empty: 2_000, // between two looks at a log that has no event yet
});

const REASONS = {
  previousHash: 'does not link to the event before it',
  currentHash: 'has been altered: its hash is another',
  timestamp: 'is older than the event it links to',
};

/** The log is not one unaltered chain. `event` is the first that does not fit, `previous` the one taken before it. */
export class ChainError extends Error {
  constructor(reason, event, previous) {
    super(`event ${event._id} ${REASONS[reason]}`);
    Object.assign(this, { name: 'ChainError', reason, event, previous });
  }
}

// ECMAScript's own number and string texts and its sort order are those of RFC 8785. `JSON.parse` has made `__proto__`
// an own member like any other, and numbers mean their double in the log, too.
const canonical = (value) =>
  Array.isArray(value) ? `[${value.map(canonical)}]`
  : value !== null && typeof value === 'object'
    ? `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)}}`
  : JSON.stringify(value);

/** Whether `currentHash` is the SHA-1 of the rest of the event. Says nothing about its place in the chain. */
export async function verifyEvent({ currentHash, ...hashed }) {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(canonical(hashed)));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('') === currentHash;
}

/** Before the first event: what it links to, and what `after: ''` means. */
const BEGINNING = { _id: '', currentHash: '' };
const KNOWN_IDS = 10_000;

/** Where we are in the chain. Of the last event at least the `_id` is known, or nothing at all. */
class Position {
  #filtered;
  #ids;

  constructor(last, filtered) {
    this.last = last;
    this.#filtered = filtered;
    this.#ids = new Set(last && [last._id]);
  }

  /**
   * Moves to the event; false if it is a repeat. Timestamps never decrease along the chain, so what is older than the
   * last event is a repeat, and of those as old as it the `_id` tells. Hence no more ids need keeping than one timestamp
   * has events. That is unbounded only while the server's clock is behind: a repeat from further back than the bound
   * is then an error, or with filters handed out once more, but nothing is lost.
   */
  take(event) {
    const { last } = this;
    if (this.#ids.has(event._id)) return false;
    const older = event.timestamp < last?.timestamp;
    if (!this.#filtered && last?.currentHash !== undefined) {
      const next = event.previousHash === last.currentHash;
      if (next === older) throw new ChainError(next ? 'timestamp' : 'previousHash', event, last);
    }
    if (older) return false;
    if (event.timestamp > last?.timestamp) this.#ids.clear();
    this.#ids.add(event._id);
    if (this.#ids.size > KNOWN_IDS) this.#ids.delete(this.#ids.values().next().value);
    this.last = event;
    return true;
  }
}

/** Something to try again after a pause. Its message goes to `onretry`, so it holds neither a token nor a URL. */
class Retry extends Error {}

/** A database that elects may not show for some seconds what it has shown before. After so many looks in a row, half a minute or so, it is gone. */
const MISSES = 7;

/** Lets one waiter at a time wait for the next ring. */
function bell() {
  let wake = () => {};
  return { wait: () => new Promise((resolve) => { wake = resolve; }), ring: () => wake() };
}

function settings(url, options) {
  const { WebSocket = globalThis.WebSocket, after, http, token, verify = true, bufferSize = 1000 } = options;
  if (typeof WebSocket !== 'function') {
    throw new TypeError('There is no WebSocket here: use Node 22 or newer, or give the option WebSocket (npm: ws)');
  }
  const address = new URL(url);
  if (!/^wss?:$/.test(address.protocol)) throw new TypeError('The URL must begin with ws:// or wss://');
  for (const name of ['after', 'eventType', 'sourceAppId', 'batch']) {
    // Unnoticed, a filter would look like a broken chain.
    if (address.searchParams.has(name)) throw new TypeError(`Give ${name} as an option, not in the URL`);
  }
  const last = after === '' ? BEGINNING : typeof after === 'string' ? { _id: after } : after;
  if (last === BEGINNING && http === undefined) throw new TypeError("after: '' needs the option http");
  if (last && last !== BEGINNING && !/^[0-9a-f]{24}$/.test(last._id)) {
    throw new TypeError('after must be an _id or an event');
  }
  if (!(bufferSize >= 1)) throw new TypeError('bufferSize must be at least 1');
  if (token !== undefined && typeof token !== 'function') checkToken(token);
  if (verify && !globalThis.crypto?.subtle) {
    throw new TypeError('There is no crypto.subtle here (browsers: only on https and localhost): give verify: false');
  }
  return {
    ...options, WebSocket, address, verify, bufferSize, last,
    http: http === undefined ? undefined : String(new URL(http)).replace(/\/+$/, ''),
    timing: { ...timing, ...options.timing },
  };
}

/** A WebSocket constructor would name a bad token in its error; and a header would end at a line break. */
function checkToken(token) {
  if (typeof token === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(token)) return;
  throw new TypeError('The token is not of characters that a subprotocol can have');
}

/** The events of the log, live, each once and in chain order. The options are described in eventlog.d.mts. */
export function subscribe(url, options = {}) {
  const { WebSocket, address, http, token, eventType, sourceAppId, batch, verify, bufferSize, signal, onopen, onretry,
    last, timing: time, timers = {} } = settings(url, options);
  // Plain calls: browsers refuse setTimeout as a method of anything but the window.
  const { setTimeout = globalThis.setTimeout, clearTimeout = globalThis.clearTimeout, random = Math.random } = timers;
  const filtered = eventType !== undefined || sourceAppId !== undefined;
  let position = new Position(last, filtered);
  let located = false;
  let failures = 0;
  let missed = 0; // times in a row that the log did not have the event to go on after
  let wasThere = false;
  const buffer = [];
  const arrival = bell();
  const drained = bell();
  const network = new AbortController(); // aborted: no more requests, timers, sockets
  let stopped = false; // what is buffered is not wanted either
  let failure;

  function keep(event) {
    buffer.push(event);
    arrival.ring();
  }

  async function bearer() {
    if (typeof token !== 'function') return token;
    let value;
    try { value = await token(); } catch { throw new Retry('the token function failed'); }
    checkToken(value);
    return value;
  }

  /** Calls `then` after `ms` or when all ends, unless the function that it returns was called before. */
  function later(ms, then) {
    const timer = setTimeout(then, ms);
    network.signal.addEventListener('abort', then);
    return () => {
      clearTimeout(timer);
      network.signal.removeEventListener('abort', then);
    };
  }

  const sleep = (ms) => new Promise((resolve) => {
    if (network.signal.aborted) return resolve();
    const cancel = later(ms, () => { cancel(); resolve(); });
  });

  /** What `GET /path` answers, or null for 404. */
  async function get(path) {
    const value = await bearer();
    const request = new AbortController();
    const cancel = later(time.open, () => request.abort());
    try {
      network.signal.throwIfAborted();
      const headers = value === undefined ? {} : { authorization: `Bearer ${value}` };
      const answer = await fetch(`${http}/${path}`, { headers, cache: 'no-store', signal: request.signal });
      if (answer.ok) return await answer.json();
      await answer.body?.cancel();
      if (answer.status === 404) return null;
      throw new Retry(`GET /${path} answered ${answer.status}`);
    } catch (error) {
      throw error instanceof Retry ? error : new Retry(`GET /${path} had no answer`);
    } finally {
      cancel();
    }
  }

  /**
   * Finds by HTTP the event to begin after, so that a connection lost before its first event loses nothing. Also done
   * after a connection that never opened: no WebSocket tells why, and that the event is gone from the log is final.
   */
  async function locate() {
    if (http === undefined || located) return;
    const begin = position.last;
    if (begin === undefined) {
      const head = await get('chain');
      if (head === null) throw new Retry('GET /chain answered 404');
      position = new Position(head.headId ? { _id: head.headId, currentHash: head.headHash } : BEGINNING, filtered);
    } else if (begin !== BEGINNING) {
      const event = await get(`events/${begin._id}`);
      missed = event === null ? missed + 1 : 0;
      if (event === null) {
        const gone = `event ${begin._id} is not in this log (any more)`;
        throw wasThere && missed < MISSES ? new Retry(gone) : new Error(gone);
      }
      if (begin.currentHash === undefined) position = new Position(event, filtered);
    }
    while (position.last === BEGINNING && !network.signal.aborted) {
      const [first] = (await get('events?limit=1')) ?? [];
      if (first === undefined) {
        await sleep(time.empty);
        continue;
      }
      position.take(first);
      const { eventType: type, sourceAppId: source } = first;
      if ((eventType ?? type) === type && (sourceAppId ?? source) === source) keep(first);
    }
    located = true;
    wasThere = true;
  }

  function target() {
    const to = new URL(address);
    to.hash = ''; // older WebSockets refuse it
    const asked = { eventType, sourceAppId, batch: batch ? '1' : undefined, after: position.last?._id };
    for (const [name, value] of Object.entries(asked)) if (value !== undefined) to.searchParams.set(name, value);
    to.search = String(to.searchParams).replaceAll('+', '%20'); // not everyone reads + as a space
    return to.href;
  }

  /** One connection. Resolves when it was closed on purpose, for the next to follow at once; rejects otherwise. */
  const listen = (protocols) => new Promise((resolve, reject) => {
    if (network.signal.aborted) return resolve();
    const socket = new WebSocket(target(), protocols);
    const armed = new Map();
    let opened = false;
    let over = false;
    const arm = (name, ms, then) => {
      clearTimeout(armed.get(name));
      armed.set(name, setTimeout(then, ms));
    };
    const end = (error, dead = false) => {
      if (over) return;
      over = true;
      for (const timer of armed.values()) clearTimeout(timer);
      network.signal.removeEventListener('abort', quit);
      if (!opened) located = false;
      // A dead peer answers no closing handshake; where there is a way not to wait for it (ws), take it.
      if (dead && socket.terminate) socket.terminate();
      else socket.close();
      if (error) reject(error);
      else resolve();
    };
    const quit = () => end();
    const guarded = (work) => (message) => {
      if (over) return; // messages still come while a socket closes
      try { work(message); } catch (error) { end(error); }
    };
    const heard = () => arm('idle', time.idle, () => {
      socket.send('{"action":"ping"}');
      arm('idle', time.pong, () => end(new Retry('the connection is dead: no answer to a ping'), true));
    });

    arm('open', time.open, () => end(new Retry('the connection did not open in time'), true));
    network.signal.addEventListener('abort', quit);
    const lost = ({ code = 1006 }) =>
      end(new Retry(opened ? `the connection closed (${code})` : 'refused or unreachable'));
    socket.onclose = lost;
    socket.onerror = lost; // Node 20 and 22 follow it up with no close when a connection was refused
    socket.onopen = guarded(() => {
      opened = true;
      clearTimeout(armed.get('open'));
      arm('stable', time.stable, () => { failures = 0; });
      // Not all at the same moment, when all have connected at the same moment.
      arm('age', time.age * (0.9 + 0.1 * random()), quit);
      heard();
      onopen?.();
    });
    socket.onmessage = guarded(({ data }) => {
      heard();
      let message;
      try { message = JSON.parse(data); } catch { throw new Retry('a message was not JSON'); }
      for (const event of [message].flat()) {
        // Not events: {"action":…}, and API Gateway's own {"message":"Internal server error",…}.
        if (typeof event?._id !== 'string') continue;
        if (buffer.length >= bufferSize) return end();
        if (position.take(event)) keep(event);
      }
    });
  });

  async function run() {
    while (!network.signal.aborted) {
      try {
        await locate();
        const value = await bearer();
        await listen(value === undefined ? [] : ['eventlog.v1', value]);
        while (buffer.length > 0 && !network.signal.aborted) await drained.wait();
      } catch (error) {
        if (!(error instanceof Retry)) throw error;
        if (network.signal.aborted) return;
        failures += 1;
        onretry?.(error.message, failures);
        await sleep(random() * Math.min(time.backoffTo, time.backoffFrom * 2 ** (failures - 1)));
      }
    }
  }

  function stop() {
    stopped = true;
    signal?.removeEventListener('abort', stop);
    network.abort();
    arrival.ring();
    drained.ring();
  }

  async function* read() {
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    run().catch((error) => { failure = error; network.abort(); arrival.ring(); });
    let previous = last;
    try {
      while (!stopped) {
        const event = buffer.shift();
        if (event) {
          if (verify && !(await verifyEvent(event))) throw new ChainError('currentHash', event, previous);
          if (stopped) return;
          yield event;
          previous = event;
        } else if (failure) throw failure; // after what came before it
        else {
          drained.ring();
          await arrival.wait();
        }
      }
    } finally {
      stop();
    }
  }

  const events = read();
  return {
    next: () => events.next(),
    // A generator's own return() would wait for a next() that waits for an event.
    return(value) { stop(); return events.return(value); },
    [Symbol.asyncIterator]() { return this; },
  };
}
