import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { ChainError, subscribe, timing } from '../eventlog.mjs';
import { Clock, serve } from './server.mjs';

const AGE = timing.age * 0.95; // as the clock's random() makes it
const numbers = (events) => events.map(({ dataPayload }) => dataPayload.n);
const upTo = (count) => Array.from({ length: count }, (_, n) => n);

/** A subscription that ends with the test; `take(n)` gives the next n events. */
function follow(t, url, options = {}) {
  const events = subscribe(url, options);
  t.after(() => events.return());
  const take = async (count) => {
    const taken = [];
    while (taken.length < count) {
      const { value, done } = await events.next();
      if (done) break;
      taken.push(value);
    }
    return taken;
  };
  return { events, take };
}

function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('live events arrive as they are logged', async (t) => {
  const server = await serve(t);
  server.log.append(2);
  const { take } = follow(t, server.ws, { onopen: () => server.log.append(3) });
  assert.deepEqual(await take(3), server.log.events.slice(2));
  assert.equal(server.all[0].url, '/');
  assert.equal(server.requests.length, 0);
});

const storms = {
  'one event a message': {},
  batches: { batch: true },
  'a filter': { eventType: 'Odd one' },
  'a small buffer': { bufferSize: 5 },
  'from the beginning': { after: '' },
};
for (const [name, options] of Object.entries(storms)) {
  for (const seed of [1, 2]) {
    test(`2,000 events, cut off and repeated at random: ${name}, seed ${seed}`, async (t) => {
      const random = seeded(seed);
      const server = await serve(t);
      const { log } = server;
      let cuts = 0;
      let repeats = 0;
      server.mischief = (connection) => {
        const dice = random() / (options.batch ? 5 : 1);
        connection.first ??= connection.next;
        if (dice < 0.02) {
          connection.cut();
          cuts += 1;
        } else if (dice < 0.06) {
          // As after a crash of the broadcaster: no further back than where the connection began.
          connection.next = Math.max(connection.first, connection.next - Math.floor(random() * 60));
          repeats += 1;
        }
      };
      const types = () => ({ eventType: random() < 0.5 ? 'Odd one' : 'Even one' });
      if (options.after === undefined) log.append(3);
      const skipped = log.events.length;
      const { events } = follow(t, server.ws, { http: server.base, timing: { backoffFrom: 0, empty: 0 }, ...options });

      const seen = [];
      const reading = (async () => {
        for await (const event of events) {
          seen.push(event);
          if (event.dataPayload.n === 2000) break;
        }
      })();
      // The subscription begins where the log ends when it asks; nothing may be logged before.
      await server.until(() => server.requests.length > 0);
      while (log.events.length < 2000) {
        log.append(Math.min(1 + Math.floor(random() * 20), 2000 - log.events.length), types());
        if (random() < 0.05) for (const connection of server.connections) connection.cut();
        await new Promise(setImmediate);
      }
      log.append(1, options);
      const expected = log.events.slice(skipped).filter(({ eventType }) => (options.eventType ?? eventType) === eventType);
      await reading;
      assert.deepEqual(seen, expected);
      assert.ok(cuts > 5 && repeats > 10, `${cuts} cuts, ${repeats} repeats`);
    });
  }
}

test('a reconnect asks for what is later than the last event', async (t) => {
  const server = await serve(t);
  const { take } = follow(t, server.ws, {
    timing: { backoffFrom: 0 },
    onopen: () => server.all.length === 1 && server.log.append(2),
  });
  await take(2);
  server.all[0].cut();
  server.log.append(2);
  assert.deepEqual(numbers(await take(2)), [2, 3]);
  assert.equal(server.all[1].query.get('after'), server.log.events[1]._id);
});

test('with http, a connection lost before its first event loses nothing', async (t) => {
  for (const length of [0, 4]) {
    const server = await serve(t);
    server.log.append(length);
    // The first connection is cut at once: whatever it was to bring is lost with it.
    server.mischief = (connection) => { if (connection === server.all[0]) connection.cut(); };
    const { take } = follow(t, server.ws, { http: server.base, timing: { backoffFrom: 0, empty: 0 } });
    const taking = take(3);
    await server.until(() => server.requests.length >= 2 || server.all.length === 1);
    server.log.append(3);
    assert.deepEqual(numbers(await taking), upTo(3).map((n) => n + length));
  }
});

test("after: '' brings the whole log, also one that is still empty", async (t) => {
  const clock = new Clock();
  const server = await serve(t);
  const { take } = follow(t, server.ws, { after: '', http: `${server.base}/`, timers: clock });
  const taking = take(3);
  await clock.pass(timing.empty);
  await server.until(() => server.requests.length === 2);
  assert.equal(server.all.length, 0);
  server.log.append(3);
  await clock.pass(timing.empty);
  assert.deepEqual(await taking, server.log.events);

  const { take: filtered } = follow(t, server.ws, { after: '', http: server.base, eventType: 'Other' });
  const one = filtered(1);
  await server.until(() => server.all.length === 2);
  const [other] = server.log.append(1, { eventType: 'Other' });
  assert.deepEqual(await one, [other]);
});

test('that the event to go on after is gone is final, when http can tell', async (t) => {
  const server = await serve(t);
  server.log.append(1);
  const missing = 'f'.repeat(24);
  await assert.rejects(follow(t, server.ws, { after: missing, http: server.base }).take(1), /f{24} is not in this log/);

  // Also when the log is replaced later.
  const { take } = follow(t, server.ws, { after: server.log.events[0]._id, http: server.base, timing: { backoffFrom: 0 } });
  server.log.append(1);
  await take(1);
  server.refuse = 400;
  server.log.events.length = 0;
  server.all.at(-1).cut();
  await assert.rejects(take(1), /is not in this log/);
});

test('an event that is missing for a moment is not gone: a database may elect', async (t) => {
  const server = await serve(t);
  server.log.append(1);
  const reasons = [];
  let hidden = [];
  const onretry = (reason) => {
    if (reasons.push(reason) < 4) return;
    server.log.events.push(...hidden.splice(0));
    server.refuse = null;
  };
  const { take } = follow(t, server.ws, {
    after: server.log.events[0]._id, http: server.base, timing: { backoffFrom: 0 }, onretry,
  });
  server.log.append(1);
  await take(1);
  hidden = server.log.events.splice(0);
  server.refuse = 400;
  server.all.at(-1).cut();
  await server.until(() => hidden.length === 0);
  const next = server.log.append(1);
  assert.deepEqual(await take(1), next);
  assert.equal(reasons.filter((reason) => reason.includes('is not in this log')).length, 2);
});

test('an event that does not link to the one before is an error, after those that do', async (t) => {
  const server = await serve(t);
  const [a, b, c, d] = server.log.append(4);
  for (const [broken, at, reason] of [
    [{ ...d, previousHash: a.currentHash }, c, 'previousHash'], // altered
    [{ ...d, timestamp: '2023-01-01T00:00:00.000Z' }, c, 'timestamp'], // links, but goes back in time
  ]) {
    const { take } = follow(t, server.ws, {
      verify: false,
      onopen: () => server.push(a, b, c, broken),
    });
    assert.deepEqual(await take(3), [a, b, c]);
    await assert.rejects(take(1), (error) => {
      assert.ok(error instanceof ChainError);
      assert.deepEqual([error.reason, error.event, error.previous], [reason, broken, at]);
      return true;
    });
    assert.deepEqual(await take(1), [], 'and then it is over');
  }
  // One that was left out.
  const { take } = follow(t, server.ws, { onopen: () => server.push(a, c) });
  await take(1);
  await assert.rejects(take(1), { name: 'ChainError', reason: 'previousHash' });
});

test('the first event is checked, too, where its predecessor is known', async (t) => {
  const server = await serve(t);
  const [a, , c] = server.log.append(3);
  server.mischief = (connection) => { connection.next = 2; }; // skips the second
  for (const options of [{ after: a }, { after: a._id, http: server.base }]) {
    await assert.rejects(follow(t, server.ws, { ...options }).take(1),
      { name: 'ChainError', reason: 'previousHash' });
  }
  // As if the log's last event had been exchanged since GET /chain.
  server.log.events.pop();
  const onopen = () => server.push({ ...c, previousHash: a.currentHash });
  const { take } = follow(t, server.ws, { http: server.base, onopen });
  await assert.rejects(take(1), { name: 'ChainError', reason: 'previousHash' });
});

test('an altered event is an error; verify: false trusts', async (t) => {
  const server = await serve(t);
  const [good, event] = server.log.append(2);
  const altered = { ...event, dataPayload: { n: 7 } };
  const onopen = () => server.push(good, altered);
  const { take } = follow(t, server.ws, { onopen });
  await take(1);
  await assert.rejects(take(1), (error) => {
    assert.deepEqual([error.name, error.reason, error.event, error.previous], ['ChainError', 'currentHash', altered, good]);
    return true;
  });
  assert.equal((await follow(t, server.ws, { onopen, verify: false }).take(2)).length, 2);
});

test('filters go along, spaces and all, and the chain is then not checked', async (t) => {
  const server = await serve(t);
  const { take } = follow(t, `${server.ws}live?stage=a+b`, {
    eventType: 'A & B+C', sourceAppId: 'é',
    onopen: () => {
      server.log.append(2);
      for (const sourceAppId of ['other', 'é', 'é', 'é']) server.log.append(1, { eventType: 'A & B+C', sourceAppId });
    },
  });
  assert.deepEqual(numbers(await take(3)), [3, 4, 5]);
  assert.equal(server.all[0].url, '/live?stage=a%20b&eventType=A%20%26%20B%2BC&sourceAppId=%C3%A9');
});

test('batches are taken apart', async (t) => {
  const server = await serve(t);
  const [first] = server.log.append(1);
  server.log.append(20);
  const { take } = follow(t, server.ws, { batch: true, after: first._id });
  assert.deepEqual(await take(20), server.log.events.slice(1));
  assert.equal(server.all[0].query.get('batch'), '1');
});

test('messages that are not events are passed over', async (t) => {
  const server = await serve(t);
  const { take } = follow(t, server.ws, {
    onopen: () => {
      server.log.append(1);
      server.push({ action: 'pong' }, { action: 'error', message: 'x' }, null, 1, '"x"', [], [null],
        { message: 'Internal server error', connectionId: 'x', requestId: 'y' });
      server.log.append(1);
    },
  });
  assert.deepEqual(numbers(await take(2)), [0, 1]);
  assert.equal(server.all.length, 1);
});

test('what is not JSON ends the connection, not the subscription', async (t) => {
  const server = await serve(t);
  const reasons = [];
  const { take } = follow(t, server.ws, {
    timing: { backoffFrom: 0 }, onretry: (reason) => reasons.push(reason),
    onopen: () => { if (server.all.length === 1) server.log.append(1), server.all[0].send('{'), server.log.append(1); },
  });
  assert.deepEqual(numbers(await take(2)), [0, 1]);
  assert.deepEqual(reasons, ['a message was not JSON']);
});

test('an idle connection is pinged, and again', async (t) => {
  const clock = new Clock();
  const server = await serve(t);
  const { take } = follow(t, server.ws, { timers: clock });
  const taking = take(1);
  for (const pings of [1, 2]) {
    await clock.pass(timing.idle);
    await server.until(() => server.all[0].heard.length === pings);
  }
  assert.deepEqual(server.all[0].heard, ['{"action":"ping"}', '{"action":"ping"}']);
  server.log.append(1);
  await taking;
  assert.equal(server.all.length, 1);
  assert.ok(![...clock.pending].some(({ ms }) => ms === timing.pong), 'the answer was taken');
});

test('a peer that does not answer a ping is dead', async (t) => {
  const clock = new Clock();
  const server = await serve(t);
  const reasons = [];
  const { take } = follow(t, server.ws, {
    timers: clock,
    onretry: (...all) => reasons.push(all),
    onopen: () => server.all.length === 1 && server.log.append(1),
  });
  await take(1);
  server.all[0].dead = true;
  const taking = take(1);
  await clock.pass(timing.idle);
  server.log.append(1);
  await clock.pass(timing.pong);
  await clock.pass(timing.backoffFrom / 2);
  assert.deepEqual(numbers(await taking), [1]);
  assert.deepEqual(reasons, [['the connection is dead: no answer to a ping', 1]]);
});

test('a connection that never opens is given up', async (t) => {
  const clock = new Clock();
  const server = await serve(t);
  server.refuse = 'never';
  const { take } = follow(t, server.ws, { timers: clock });
  const taking = take(1);
  await server.until(() => server.all.length === 1);
  server.refuse = null;
  await clock.pass(timing.open);
  await clock.pass(timing.backoffFrom / 2);
  await server.until(() => server.all.length === 2);
  await clock.armed(timing.stable);
  server.log.append(1);
  assert.equal((await taking).length, 1);
});

test('refusals: the pauses double, up to a limit, and begin anew after a stable connection', async (t) => {
  const clock = new Clock();
  const server = await serve(t);
  server.refuse = 401;
  const reasons = [];
  const { take } = follow(t, server.ws, { timers: clock, onretry: (...all) => reasons.push(all) });
  const taking = take(1);
  for (const ms of [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]) await clock.pass(ms);
  await clock.armed(15_000);
  server.refuse = null;
  await clock.pass(15_000);
  await server.until(() => server.all.length === 1);
  assert.deepEqual(reasons, upTo(9).map((n) => ['refused or unreachable', n + 1]));
  // Not stable yet: the pauses go on as they were.
  await clock.armed(timing.stable);
  server.all[0].cut();
  await clock.pass(15_000);
  await clock.pass(timing.stable);
  server.all[1].cut();
  await clock.pass(250);
  await server.until(() => server.all.length === 3);
  server.log.append(1);
  assert.equal((await taking).length, 1);
});

test('a slow consumer stops the flow, and misses nothing', async (t) => {
  const server = await serve(t);
  const [first] = server.log.append(1);
  server.log.append(25);
  const { take } = follow(t, server.ws, { after: first._id, bufferSize: 10 });
  const seen = await take(1);
  await server.until(() => server.connections.size === 0);
  seen.push(...await take(9));
  assert.equal(server.all.length, 1, 'it comes back when all was taken');
  seen.push(...await take(15));
  assert.deepEqual(seen, server.log.events.slice(1));
  assert.deepEqual(server.all.map(({ query }) => query.get('after')), [0, 10, 20].map((n) => server.log.events[n]._id));
});

test('a socket that still talks while it closes is not listened to', async (t) => {
  // As that of ws does; the built-in ones do not.
  const sockets = [];
  class Talkative {
    constructor() { sockets.push(this); setImmediate(() => this.onopen()); }
    close() {}
    say(event) { this.onmessage({ data: JSON.stringify(event) }); }
  }
  const server = await serve(t);
  const events = server.log.append(4);
  const onopen = () => { if (sockets.length === 1) sockets[0].say(events[0]), sockets[0].say(events[1]); };
  const { take } = follow(t, server.ws, { WebSocket: Talkative, bufferSize: 1, onopen });
  await take(1);
  sockets[0].say(events[3]); // too many were there for the second, and now there is room
  const taking = take(1);
  while (sockets.length < 2) await new Promise(setImmediate);
  sockets[1].say(events[1]);
  assert.deepEqual(await taking, [events[1]]);
});

test('a message may hold more than the buffer does', async (t) => {
  const server = await serve(t);
  const [first] = server.log.append(1);
  const { take } = follow(t, server.ws, { after: first._id, bufferSize: 3, batch: true });
  const taking = take(20);
  await server.until(() => server.all.length === 1);
  server.log.append(20);
  assert.deepEqual(await taking, server.log.events.slice(1));
});

test('a connection is replaced before the gateway closes it', async (t) => {
  const clock = new Clock();
  const server = await serve(t);
  const { take } = follow(t, server.ws, {
    timers: clock,
    onretry: assert.fail,
    onopen: () => server.all.length === 1 && server.log.append(1),
  });
  await take(1);
  const taking = take(2);
  await clock.pass(AGE);
  server.log.append(2);
  assert.deepEqual(numbers(await taking), [1, 2]);
  await server.until(() => server.connections.size === 1);
  assert.equal(server.all[1].query.get('after'), server.log.events[0]._id);
});

test('the token is a subprotocol and a header, never in a URL, and asked for each time', async (t) => {
  const server = await serve(t);
  const tokens = ['evl_one', 'evl_two', 'eyJ.a-b_c.d'];
  const { take } = follow(t, server.ws, {
    http: server.base, token: async () => tokens.shift(), timing: { backoffFrom: 0 },
    onopen: () => server.all.length === 1 && server.log.append(1), after: server.log.append(1)[0]._id,
  });
  await take(1);
  assert.equal(server.requests[0].authorization, 'Bearer evl_one');
  assert.equal(server.all[0].protocols.replace(/\s/g, ''), 'eventlog.v1,evl_two');
  const taking = take(1);
  server.all[0].cut();
  await server.until(() => server.all.length === 2);
  assert.equal(server.all[1].protocols.replace(/\s/g, ''), 'eventlog.v1,eyJ.a-b_c.d');
  server.log.append(1);
  await taking;
  assert.ok(![...server.all, ...server.requests].some(({ url }) => /evl_|eyJ/.test(url)));
});

test('no token, no subprotocol; one that fits in no header is not repeated in the error', async (t) => {
  const server = await serve(t);
  const { take } = follow(t, server.ws, { onopen: () => server.log.append(1) });
  await take(1);
  assert.equal(server.all[0].protocols, undefined);
  const isTold = (error) => error instanceof TypeError && /token/.test(error.message) && !error.stack.includes('s3cret');
  assert.throws(() => subscribe(server.ws, { token: 's3cret\r\nX: y' }), isTold);
  await assert.rejects(follow(t, server.ws, { token: () => 's3cret y' }).take(1), isTold);
});

test('a token function that fails is asked again', async (t) => {
  const server = await serve(t);
  const reasons = [];
  let asked = 0;
  const { take } = follow(t, server.ws, {
    timing: { backoffFrom: 0 }, onretry: (reason) => reasons.push(reason), onopen: () => server.log.append(1),
    token: () => { asked += 1; if (asked === 1) throw new Error('s3cret'); return 'evl_x'; },
  });
  await take(1);
  assert.deepEqual(reasons, ['the token function failed']);
});

test('the signal ends it: while it waits, in the midst, between attempts and before', async (t) => {
  const server = await serve(t);
  const waiting = new AbortController();
  const one = follow(t, server.ws, { signal: waiting.signal, onopen: () => waiting.abort() });
  assert.deepEqual(await one.take(1), []);
  await server.until(() => server.connections.size === 0);

  const midst = new AbortController();
  const [first] = server.log.append(5);
  for await (const event of subscribe(server.ws, { after: first._id, signal: midst.signal })) {
    assert.equal(event.dataPayload.n, 1, 'what is buffered is not handed out any more');
    midst.abort();
  }
  await server.until(() => server.connections.size === 0);

  server.refuse = 503;
  const clock = new Clock();
  const between = new AbortController();
  const onretry = () => setImmediate(() => between.abort());
  assert.deepEqual(await follow(t, server.ws, { signal: between.signal, timers: clock, onretry }).take(1), []);
  assert.equal(clock.pending.size, 0);

  const before = server.all.length;
  assert.deepEqual(await follow(t, server.ws, { signal: AbortSignal.abort() }).take(1), []);
  assert.equal(server.all.length, before);
});

test('return() does not wait for an event', async (t) => {
  const server = await serve(t);
  const clock = new Clock();
  const { events } = follow(t, server.ws, { timers: clock });
  const next = events.next();
  await server.until(() => server.all.length === 1);
  assert.deepEqual(await events.return('x'), { value: 'x', done: true });
  assert.deepEqual(await next, { value: undefined, done: true });
  assert.equal(clock.pending.size, 0);
  await server.until(() => server.connections.size === 0);
});

test('what a callback throws ends the subscription', async (t) => {
  const server = await serve(t);
  const oops = () => { throw new Error('oops'); };
  await assert.rejects(follow(t, server.ws, { onopen: oops }).take(1), /oops/);
  server.refuse = 503;
  await assert.rejects(follow(t, server.ws, { onretry: oops }).take(1), /oops/);
});

test('after break nothing keeps the process alive', async (t) => {
  const server = await serve(t);
  const [first] = server.log.append(5);
  const program = `import { subscribe } from ${JSON.stringify(new URL('../eventlog.mjs', import.meta.url).href)};
    for await (const event of subscribe('${server.ws}', { http: '${server.base}', after: '${first._id}' })) {
      console.log(event.dataPayload.n);
      break;
    }`;
  const flags = ['--no-warnings', '--experimental-websocket', '--input-type=module', '--eval'];
  const child = spawn(process.execPath, [...flags, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  let output = '';
  child.stdout.on('data', (data) => { output += data; });
  const [code] = await once(child, 'close');
  assert.deepEqual([code, output], [0, '1\n']);
});

test('wrong options are told at once', () => {
  const url = 'ws://localhost:1';
  const faults = [
    [url, { WebSocket: null }, /no WebSocket here/],
    ['http://localhost:1', {}, /ws:/],
    [`${url}?eventType=x`, {}, /eventType as an option/],
    [url, { after: '' }, /http/],
    [url, { after: 'x' }, /_id/],
    [url, { after: {} }, /_id/],
    [url, { bufferSize: 0 }, /bufferSize/],
    [url, { token: '' }, /token/],
  ];
  for (const [given, options, message] of faults) {
    assert.throws(() => subscribe(given, options), { name: 'TypeError', message });
  }
});

test('before the first next() nothing happens', async (t) => {
  const server = await serve(t);
  subscribe(server.ws);
  await new Promise(setImmediate);
  assert.equal(server.all.length, 0);
});
