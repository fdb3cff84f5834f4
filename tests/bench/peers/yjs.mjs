// Yjs: the visits as maps with a text each, in memory; nothing is stored, signed or encrypted.
import { clocks, EDITED, FIELDS, number, notes, require, serve, settings, since, start, tell, versionOf, visit, visitId } from './common.mjs';

const Y = require('yjs');
const PEER = `yjs ${versionOf('yjs')}`;

function put(doc, i, note) {
  const record = new Y.Map();
  for (const [field, value] of Object.entries(visit(i, note))) record.set(field, field === 'note' ? new Y.Text(value) : value);
  doc.getMap('visits').set(visitId(i), record);
}

function write(doc, count, perTransaction) {
  const next = notes(1);
  for (let i = 0; i < count; i += perTransaction)
    doc.transact(() => {
      for (let k = i; k < Math.min(i + perTransaction, count); k++) put(doc, k, next());
    });
}

function edit(doc, run) {
  const next = notes(run + 77);
  for (const i of EDITED) {
    const record = doc.getMap('visits').get(visitId(i));
    const note = record.get('note');
    doc.transact(() => {
      note.delete(0, note.length);
      note.insert(0, next());
      record.set('minutes', 60);
      record.set('reason', 'aangevuld');
    });
  }
}

let update;
const functions = {
  write(count) {
    const doc = new Y.Doc();
    write(doc, count, 100);
    const start = clocks();
    update = Y.encodeStateAsUpdate(doc);
    return { bytes: update.length, encode: since(start), update: Buffer.from(update).toString('base64') };
  },
  receive(text) {
    update = Buffer.from(text, 'base64');
    return process.memoryUsage().rss / 1048576;
  },
  merge() {
    const doc = new Y.Doc();
    const start = clocks();
    Y.applyUpdate(doc, update);
    return { span: since(start), count: doc.getMap('visits').size, memory: process.memoryUsage().rss / 1048576 };
  },
};

async function measureMerge() {
  const visits = number('PEER_VISITS', 20000);
  const runs = number('RUNS', 5);
  const rate = span => ({ wall: (visits * FIELDS) / (span.wall / 1000), cpu: (visits * FIELDS) / (span.cpu / 1000) });
  const imported = [], encoded = [], merged = [];
  let memory, wire;
  for (let run = 0; run < runs; run++) {
    const writer = start(process.argv[1]);
    const reader = start(process.argv[1]);
    const wrote = await writer.call('write', visits);
    const before = (await reader.call('receive', wrote.value.update)).value;
    const { value } = await reader.call('merge');
    if (value.count !== visits) throw new Error(`${value.count} visits after merging`);
    encoded.push(rate(wrote.value.encode));
    imported.push(rate({ wall: wrote.wall - wrote.value.encode.wall, cpu: wrote.cpu - wrote.value.encode.cpu }));
    merged.push(rate(value.span));
    memory = value.memory - before;
    wire = wrote.value.bytes / visits;
    await writer.stop();
    await reader.stop();
  }
  tell(PEER, 'import_fields', 'field versions/s', imported, { visits });
  tell(PEER, 'seal_fields', 'field versions/s', encoded, { visits });
  tell(PEER, 'merge_fields', 'field versions/s', merged, { visits, memory_mb: Math.round(memory) });
  tell(PEER, 'wire_per_visit', 'bytes', wire, { visits });
}

function measureWire() {
  const visits = Math.min(number('PEER_VISITS', 1000), 1000);
  for (const each of [1, 10, 100]) {
    const doc = new Y.Doc();
    let bytes = 0;
    doc.on('update', made => { bytes += made.length; });
    write(doc, visits, each);
    tell(PEER, `wire_per_visit_${each}`, 'bytes', bytes / visits);
  }
}

// Two documents in one process: what one lacks is asked by its state vector, as Yjs's sync protocol does.
function exchange(from, to) {
  const vector = Y.encodeStateVector(to);
  const made = Y.encodeStateAsUpdate(from, vector);
  Y.applyUpdate(to, made);
  return { sent: vector.length, received: made.length };
}

function measureRounds() {
  const writer = new Y.Doc(), reader = new Y.Doc();
  const idle = [], edits = [];
  let bytes;
  write(writer, number('PEER_VISITS', 36000), 100);
  exchange(writer, reader);
  for (let run = 0; run < 21; run++) {
    const from = clocks();
    bytes = exchange(writer, reader);
    exchange(reader, writer);
    idle.push(since(from));
  }
  for (let run = 0; run < 21; run++) {
    edit(writer, run);
    const from = clocks();
    exchange(writer, reader);
    edits.push(since(from));
  }
  tell(PEER, 'empty_sync', 'ms', idle);
  tell(PEER, 'empty_sync_sent', 'bytes', bytes.sent);
  tell(PEER, 'empty_sync_received', 'bytes', bytes.received);
  tell(PEER, 'edits_100', 'ms', edits);
}

if (process.argv[2] === 'device') serve(functions);
else {
  settings(PEER, { command: 'node tests/bench/peers/yjs.mjs', store: 'none: documents in memory', encrypted: false, signed: false });
  await measureMerge();
  measureWire();
  measureRounds();
}
