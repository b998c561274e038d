import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { verifyEvent } from '../eventlog.mjs';

const vectors = readFileSync(new URL('../../../shared/chain/vectors/chain.ndjson', import.meta.url), 'utf8')
  .split('\n').filter(Boolean).map((line) => JSON.parse(line));

test('the golden vectors are what they claim', async () => {
  assert.ok(vectors.length >= 12);
  for (const event of vectors) assert.equal(await verifyEvent(event), true, event.eventType);
});

test('any member that changed, came or went is noticed', async () => {
  for (const event of vectors) {
    for (const name of Object.keys(event)) {
      assert.equal(await verifyEvent({ ...event, [name]: 'other' }), false, `${event.eventType}: ${name}`);
      const { [name]: _, ...without } = event;
      assert.equal(await verifyEvent(without), false, `${event.eventType} without ${name}`);
    }
    assert.equal(await verifyEvent({ ...event, more: 1 }), false);
  }
});

test('an own __proto__ counts', async () => {
  const text = JSON.stringify(vectors.find(({ eventType }) => eventType === 'names'));
  assert.equal(await verifyEvent(JSON.parse(text.replace('{"$where":1}', '{"$where":2}'))), false);
});
