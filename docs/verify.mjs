// Verifies a log without any of our code: node docs/verify.mjs FILE [HASH], one event's JSON a line, oldest first.
// A file without an event is no log. HASH is a currentHash that was kept elsewhere: the log must still hold it, so its
// end cannot have been cut off.
// ECMAScript's own number and string texts and its sort order are those of RFC 8785, so this is all it takes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const canonical = (value) =>
  Array.isArray(value) ? `[${value.map(canonical)}]`
  : value !== null && typeof value === 'object'
    ? `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)}}`
  : JSON.stringify(value);

const [file, kept] = process.argv.slice(2);
const fail = (reason) => { console.error(reason); process.exit(1); };
if (file === undefined) fail('usage: node docs/verify.mjs FILE [HASH]');
let text;
try { text = readFileSync(file, 'utf8'); } catch (error) { fail(`cannot read ${file}: ${error.code}`); }
let previous = '';
let checked = 0;
let found = kept === undefined;
for (const line of text.split('\n').filter(Boolean)) {
  let event;
  try { event = JSON.parse(line); } catch { fail(`line ${checked + 1} is not JSON`); }
  const { currentHash, ...rest } = event;
  const hash = createHash('sha1').update(canonical(rest)).digest('hex');
  if (rest.previousHash !== previous || currentHash !== hash) fail(`event ${rest._id} does not fit the chain`);
  previous = currentHash;
  found ||= currentHash === kept;
  checked += 1;
}
if (checked === 0) fail(`${file} has no event`);
if (!found) fail(`${kept} is not in this log`);
console.log(`${checked} events, one chain, ends in ${previous}`);
