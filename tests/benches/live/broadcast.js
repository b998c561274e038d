// What eventlog is compared with: the usual way to push what was posted to all WebSockets, and no more. Kind to this
// side: it has no database, no chain and no checks, and a client that comes back gets nothing of what it missed. It
// builds and sends an event of the same size.
//
// EVENTLOG_WS names the folder in which `npm install ws` was run.
"use strict";

const http = require("node:http");
const path = require("node:path");
const { randomBytes } = require("node:crypto");
const { WebSocketServer } = require(path.join(process.env.EVENTLOG_WS, "node_modules", "ws"));

const HASH = "0".repeat(40);

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const { eventType, sourceAppId, dataPayload } = JSON.parse(Buffer.concat(chunks));
    const _id = randomBytes(12).toString("hex");
    const timestamp = new Date().toISOString();
    const event = { _id, eventType, sourceAppId, dataPayload, timestamp, previousHash: HASH, currentHash: HASH };
    const text = JSON.stringify(event);
    for (const client of wss.clients) client.send(text);
    // Without a call of writeHead(), Node.js adds the length.
    response.statusCode = 201;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ message: "Event logged successfully", event }));
  });
});
// The benchmark's clients wait longer for one another than Node.js does for them.
server.keepAliveTimeout = 120_000;

const wss = new WebSocketServer({ server });

process.on("SIGTERM", () => process.exit(0));
server.listen(0, "127.0.0.1", () => console.log(`http://localhost:${server.address().port}`));
