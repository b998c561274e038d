// The client against a running server: node --experimental-websocket server-itself.mjs http://localhost:3000
// It logs some events there. Whatever is cut, between the two and at random, each subscription sees the whole log once.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { subscribe } from '../eventlog.mjs';

const http = process.argv[2];
const EVENTS = 600;
const post = async (n) => {
  const event = { eventType: n % 3 === 0 ? 'Third' : 'Other', sourceAppId: 'test', dataPayload: { n, '√': [1e21, -0.1] } };
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${http}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
  assert.equal(answer.status, 201);
  return (await answer.json()).event;
};

/** A way to the server that breaks. */
const sockets = new Set();
let cuts = 0;
const proxy = createServer((client) => {
  const server = connect(new URL(http).port, '127.0.0.1');
  for (const [from, to] of [[client, server], [server, client]]) {
    sockets.add(from);
    from.on('error', () => {}).on('close', () => { sockets.delete(from); to.destroy(); });
    from.on('data', (data) => {
      // Often in the middle of a frame.
      const breaks = Math.random() < 0.02;
      to.write(breaks ? data.subarray(0, data.length / 2) : data);
      if (breaks) { cuts += 1; from.destroy(); }
    });
  }
});
await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
const ws = `ws://localhost:${proxy.address().port}/`;

const first = await post(0);
const options = { http, timing: { backoffFrom: 1, backoffTo: 20, empty: 10 } };
const follow = async (more, count) => {
  const seen = [];
  for await (const event of subscribe(ws, { ...options, ...more })) {
    seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
};
const wholeLog = follow({ after: '' }, EVENTS + 1);
const rest = follow({ after: first._id, batch: true }, EVENTS);
const filtered = follow({ after: first._id, eventType: 'Third' }, EVENTS / 3);

const log = [first];
for (let n = 1; n <= EVENTS; n += 1) {
  log.push(await post(n));
  if (n % 100 === 0) for (const socket of sockets) { cuts += 1; socket.destroy(); }
}
assert.deepEqual(await wholeLog, log);
assert.deepEqual(await rest, log.slice(1));
assert.deepEqual(await filtered, log.slice(1).filter(({ eventType }) => eventType === 'Third'));
await assert.rejects(follow({ after: '0'.repeat(24) }, 1), /is not in this log/);
assert.ok(cuts > 10, `${cuts} cuts`);
console.log(`${EVENTS} events, ${cuts} cuts: nothing missing, nothing twice, in order`);
proxy.close();
