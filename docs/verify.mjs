// Verifies a log without any of our code: node docs/verify.mjs FILE, one event's JSON a line, oldest first.
// ECMAScript's own number and string texts and its sort order are those of RFC 8785, so this is all it takes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const canonical = (value) =>
  Array.isArray(value) ? `[${value.map(canonical)}]`
  : value !== null && typeof value === 'object'
    ? `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)}}`
  : JSON.stringify(value);

let previous = '';
let checked = 0;
for (const line of readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
  const { currentHash, ...rest } = JSON.parse(line);
  const hash = createHash('sha1').update(canonical(rest)).digest('hex');
  if (rest.previousHash !== previous || currentHash !== hash) {
    console.error(`event ${rest._id} does not fit the chain`);
    process.exit(1);
  }
  previous = currentHash;
  checked += 1;
}
console.log(`${checked} events, one chain, ends in ${previous}`);
