// A log and its server, of Node's core alone, that tests can make misbehave.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

// Written apart from the client's: what both get wrong alike would not be seen. The payloads of these tests need no more.
const hash = ({ _id, eventType, sourceAppId, dataPayload, timestamp, previousHash }) =>
  createHash('sha1')
    .update(JSON.stringify({ _id, dataPayload, eventType, previousHash, sourceAppId, timestamp }))
    .digest('hex');

/** One chain. Ids are in no order, as in a real log; three events share each timestamp. */
export class Log {
  events = [];
  watchers = new Set();

  append(count = 1, { eventType = 'Tick', sourceAppId = 'App1' } = {}) {
    for (let i = 0; i < count; i += 1) {
      const n = this.events.length;
      const event = {
        _id: createHash('md5').update(String(n)).digest('hex').slice(0, 24),
        eventType, sourceAppId, dataPayload: { n },
        timestamp: new Date(Date.UTC(2024, 0) + Math.floor(n / 3)).toISOString(),
        previousHash: this.events.at(-1)?.currentHash ?? '',
      };
      this.events.push({ ...event, currentHash: hash(event) });
    }
    for (const watcher of this.watchers) watcher();
    return this.events.slice(-count);
  }
}

function frame(text) {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...length]), payload]);
}

class Connection {
  closed = false;
  /** As a machine that has vanished: it neither answers nor says goodbye. */
  dead = false;
  heard = [];

  constructor(server, socket, query, protocols, url) {
    Object.assign(this, { server, socket, query, protocols, url });
    const after = query.get('after');
    this.next = after === null ? server.log.events.length : server.log.events.findIndex(({ _id }) => _id === after) + 1;
    let received = Buffer.alloc(0);
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      // Clients' frames here are masked and shorter than 126 bytes.
      while (received.length >= 6 && received.length >= 6 + (received[1] & 127)) {
        const [opcode, length] = [received[0] & 15, received[1] & 127];
        const text = received.subarray(6, 6 + length).map((byte, i) => byte ^ received[2 + (i & 3)]).toString();
        received = received.subarray(6 + length);
        if (!this.dead) this.receive(opcode, text);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => { this.closed = true; server.connections.delete(this); server.changed(); });
  }

  receive(opcode, text) {
    if (opcode === 8) return this.socket.end(Buffer.from([0x88, 0]));
    this.heard.push(text);
    if (text === '{"action":"ping"}') this.send({ action: 'pong' });
    this.server.changed();
  }

  send(message) {
    if (this.dead || this.socket.destroyed) return;
    this.socket.write(frame(typeof message === 'string' ? message : JSON.stringify(message)));
  }

  /** Cut off, in the middle of a frame. */
  cut() {
    this.closed = true;
    this.socket.write(frame('{"_id":"half').subarray(0, 5), () => this.socket.destroy());
  }

  deliver() {
    const { server: { log, mischief }, query } = this;
    while (!this.closed && this.next < log.events.length) {
      mischief?.(this);
      if (this.closed) return;
      const events = log.events.slice(this.next, this.next + (query.has('batch') ? 7 : 1));
      this.next += events.length;
      const wanted = events.filter((event) =>
        ['eventType', 'sourceAppId'].every((name) => (query.get(name) ?? event[name]) === event[name]));
      if (wanted.length > 0) this.send(query.has('batch') ? wanted : wanted[0]);
    }
  }
}

class Server {
  connections = new Set();
  /** Every connection and HTTP request there ever was. */
  all = [];
  requests = [];
  /** Refuses connections with this status; or takes the request and never answers it ('never'). */
  refuse = null;
  /** Called before each message; may cut the connection or move its `next` back. */
  mischief = null;
  #waiting = [];

  constructor(log) {
    this.log = log;
    log.watchers.add(() => { for (const connection of this.connections) connection.deliver(); });
    this.http = createServer((request, response) => this.answer(request, response));
    this.http.on('upgrade', (request, socket) => this.upgrade(request, socket));
  }

  answer(request, response) {
    this.requests.push({ url: request.url, authorization: request.headers.authorization });
    const { events } = this.log;
    const { pathname } = new URL(request.url, 'http://localhost');
    const { _id: headId = null, currentHash: headHash = null } = events.at(-1) ?? {};
    const found = pathname === '/chain' ? { length: events.length, headId, headHash }
      : pathname === '/events' ? events.slice(0, 1)
      : events.find(({ _id }) => pathname === `/events/${_id}`);
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(found ?? { status: 404 }));
    this.changed();
  }

  upgrade(request, socket) {
    if (this.refuse === 'never') return this.all.push(null) && this.changed();
    if (this.refuse !== null) {
      return socket.end(`HTTP/1.1 ${this.refuse} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    }
    const protocols = request.headers['sec-websocket-protocol'];
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`; // RFC 6455, 4.2.2
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n'
      + `sec-websocket-accept: ${accept}\r\n${protocols ? 'sec-websocket-protocol: eventlog.v1\r\n' : ''}\r\n`);
    const { searchParams } = new URL(request.url, 'http://localhost');
    const connection = new Connection(this, socket, searchParams, protocols, request.url);
    this.connections.add(connection);
    this.all.push(connection);
    connection.deliver();
    this.changed();
  }

  /** Sends messages on the newest connection, whatever the log holds. */
  push(...messages) {
    for (const message of messages) [...this.connections].at(-1).send(message);
  }

  changed() {
    this.#waiting = this.#waiting.filter(({ condition, resolve }) => !condition() || resolve());
  }

  /** Resolves as soon as the condition holds: it is looked at whenever something happens here. */
  until(condition) {
    return new Promise((resolve) => { this.#waiting.push({ condition, resolve }); this.changed(); });
  }
}

/** Serves the log on a free port until the test is over. */
export async function serve(test, log = new Log()) {
  const server = new Server(log);
  const sockets = new Set();
  server.http.on('connection', (socket) => sockets.add(socket));
  await new Promise((resolve) => server.http.listen(0, '127.0.0.1', resolve));
  const { port } = server.http.address();
  test.after(() => { server.http.close(); for (const socket of sockets) socket.destroy(); });
  return Object.assign(server, { ws: `ws://127.0.0.1:${port}/`, base: `http://127.0.0.1:${port}` });
}

/** Timers that run when the test says so. */
export class Clock {
  pending = new Set();
  #waiting = [];
  random = () => 0.5;
  setTimeout = (run, ms) => {
    const timer = { run, ms };
    this.pending.add(timer);
    this.#waiting = this.#waiting.filter((waiting) => waiting.ms !== ms || waiting.resolve());
    return timer;
  };
  clearTimeout = (timer) => { this.pending.delete(timer); };

  /** The timer of so many milliseconds, once there is one. */
  async armed(ms) {
    const find = () => [...this.pending].find((timer) => timer.ms === ms);
    if (!find()) await new Promise((resolve) => { this.#waiting.push({ ms, resolve }); });
    return find();
  }

  /** Waits until it is set, and lets its time pass for it alone. */
  async pass(ms) {
    const timer = await this.armed(ms);
    this.pending.delete(timer);
    timer.run();
  }
}
