// Holds a document against the specification of AsyncAPI, with the parser of those who write it.
import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';

const LAST_OF_WARNINGS = 1; // what follows are recommendations: 2 and 3
const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(await readFile(file, 'utf8'));
const faults = diagnostics.filter(({ severity }) => severity <= LAST_OF_WARNINGS);
for (const { message, path } of faults) console.error(`${file}: ${path.join('.')}: ${message}`);
process.exitCode = document && faults.length === 0 ? 0 : 1;
