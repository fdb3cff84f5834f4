// Actual's sync server as a process of its own, and the smallest client that does what Actual's does: a message a field, kept in
// messages_crdt and applied where none is newer, and the merkle trie, by its crdt package; in WAL, NORMAL. Not encrypted, not signed.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { answers, EDITED, exchange, freePort, notes, require, scratch, serve, settings, start, versionOf, visit, visitId } from './common.mjs';

const { getClock, makeClientId, makeClock, merkle, setClock, SyncProtoBuf, Timestamp } = require('@actual-app/crdt');
const Database = require('better-sqlite3');
const PEER = `actual ${versionOf('@actual-app/sync-server')}`;
// A request may have 20 MB; Actual itself sends all that it has in one.
const PER_REQUEST = 50000;

const TABLES = `
  CREATE TABLE messages_crdt (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL UNIQUE, dataset TEXT NOT NULL, row TEXT NOT NULL,
    column TEXT NOT NULL, value BLOB NOT NULL);
  CREATE INDEX messages_crdt_search ON messages_crdt (dataset, row, column, timestamp);
  CREATE TABLE messages_clock (id INTEGER PRIMARY KEY, clock TEXT);
  CREATE TABLE visit (id TEXT PRIMARY KEY, family TEXT, author TEXT, kind TEXT, day INTEGER, time INTEGER, minutes INTEGER,
    next INTEGER, note TEXT, reason TEXT);`;

let db, client;
const pack = value => (typeof value === 'number' ? `N:${value}` : `S:${value}`);
const unpack = text => (text.startsWith('N:') ? Number(text.slice(2)) : text.slice(2));

function open(directory, port, account) {
  db = new Database(directory + '.sqlite');
  db.exec('PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=4000;');
  db.exec(TABLES);
  const columns = ['family', 'author', 'kind', 'day', 'time', 'minutes', 'next', 'note', 'reason'];
  client = {
    port, account, sent: new Timestamp(0, 0, '0').toString(),
    newer: db.prepare('SELECT 1 FROM messages_crdt WHERE dataset = ? AND row = ? AND column = ? AND timestamp >= ? LIMIT 1'),
    is: db.prepare('SELECT 1 FROM messages_crdt WHERE timestamp = ?'),
    keep: db.prepare('INSERT INTO messages_crdt (timestamp, dataset, row, column, value) VALUES (?, ?, ?, ?, ?)'),
    clock: db.prepare('INSERT OR REPLACE INTO messages_clock (id, clock) VALUES (1, ?)'),
    since: db.prepare('SELECT * FROM messages_crdt WHERE timestamp > ? ORDER BY timestamp'),
    set: new Map(columns.map(name => [name, db.prepare(
      `INSERT INTO visit (id, ${name}) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET ${name} = excluded.${name}`)])),
  };
  setClock(makeClock(new Timestamp(0, 0, makeClientId())));
}

function apply(messages) {
  db.transaction(() => {
    const clock = getClock();
    for (const message of messages) {
      const stamp = message.timestamp.toString();
      if (client.is.get(stamp)) continue;
      if (!client.newer.get(message.dataset, message.row, message.column, stamp))
        client.set.get(message.column).run(message.row, unpack(message.value));
      client.keep.run(stamp, message.dataset, message.row, message.column, message.value);
      clock.merkle = merkle.insert(clock.merkle, message.timestamp);
    }
    clock.merkle = merkle.prune(clock.merkle);
    client.clock.run(JSON.stringify({ timestamp: clock.timestamp.toString(), merkle: clock.merkle }));
  })();
}

const messagesOf = (id, fields) => Object.entries(fields).map(([column, value]) =>
  ({ timestamp: Timestamp.send(), dataset: 'visit', row: id, column, value: pack(value) }));

async function post(messages, since) {
  const request = new SyncProtoBuf.SyncRequest();
  for (const message of messages) {
    const content = new SyncProtoBuf.Message();
    content.setDataset(message.dataset);
    content.setRow(message.row);
    content.setColumn(message.column);
    content.setValue(message.value);
    const envelope = new SyncProtoBuf.MessageEnvelope();
    envelope.setTimestamp(message.timestamp);
    envelope.setContent(content.serializeBinary());
    request.addMessages(envelope);
  }
  request.setFileid(client.account.file);
  request.setGroupid(client.account.group);
  request.setSince(since);
  const answer = await fetch(`http://127.0.0.1:${client.port}/sync/sync`, {
    method: 'POST', body: request.serializeBinary(),
    headers: { 'Content-Type': 'application/actual-sync', 'X-ACTUAL-TOKEN': client.account.token },
  });
  if (!answer.ok) throw new Error(`the server answers ${answer.status}: ${await answer.text()}`);
  return SyncProtoBuf.SyncResponse.deserializeBinary(new Uint8Array(await answer.arrayBuffer()));
}

function receive(response) {
  apply(response.getMessagesList().map(envelope => {
    const content = SyncProtoBuf.Message.deserializeBinary(envelope.getContent_asU8());
    const timestamp = Timestamp.parse(envelope.getTimestamp());
    Timestamp.recv(timestamp);
    return { timestamp, dataset: content.getDataset(), row: content.getRow(), column: content.getColumn(), value: content.getValue() };
  }));
}

const functions = {
  open,
  write(count) {
    const next = notes(1);
    for (let i = 0; i < count; i += 100) {
      const some = [];
      for (let k = i; k < Math.min(i + 100, count); k++) some.push(...messagesOf(visitId(k), visit(k, next())));
      apply(some);
    }
  },
  async sync() {
    // As Actual's fullSync: what is new here goes out, what came since then comes in; where the tries differ, from there again.
    let since = client.sent;
    for (let round = 0; round < 10; round++) {
      const messages = client.since.all(since);
      const upto = getClock().timestamp.toString();
      let response;
      for (let at = 0; at === 0 || at < messages.length; at += PER_REQUEST)
        receive(response = await post(messages.slice(at, at + PER_REQUEST), at === 0 ? since : upto));
      const differs = merkle.diff(JSON.parse(response.getMerkle()), getClock().merkle);
      if (differs === null) {
        client.sent = getClock().timestamp.toString();
        return;
      }
      since = new Timestamp(differs, 0, '0').toString();
    }
    throw new Error('the tries go on differing');
  },
  count: () => db.prepare('SELECT count(*) AS n FROM visit').get().n,
  edit(run) {
    const next = notes(run + 77);
    for (const i of EDITED) apply(messagesOf(visitId(i), { note: next(), minutes: 60, reason: 'aangevuld' }));
  },
  edited(run) {
    const next = notes(run + 77);
    const note = db.prepare('SELECT note FROM visit WHERE id = ?');
    return EDITED.filter(i => note.get(visitId(i)).note === next()).length;
  },
};

async function makeFile(port) {
  const url = `http://127.0.0.1:${port}`;
  const asked = await (await fetch(`${url}/account/bootstrap`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ password: 'only here' }),
  })).json();
  const made = await (await fetch(`${url}/sync/upload-user-file`, {
    method: 'POST', body: 'nothing yet',
    headers: { 'Content-Type': 'application/encrypted-file', 'X-ACTUAL-TOKEN': asked.data.token, 'X-ACTUAL-FILE-ID': 'team', 'X-ACTUAL-NAME': 'team', 'X-ACTUAL-FORMAT': '2' },
  })).json();
  return { token: asked.data.token, file: 'team', group: made.groupId };
}

if (process.argv[2] === 'device') serve(functions);
else {
  const directory = scratch();
  const port = await freePort();
  const app = 'build/peers/node/node_modules/@actual-app/sync-server/build/app.js';
  settings(PEER, {
    command: 'node tests/bench/peers/actual.mjs', server: `NODE_ENV=production node ${app}`,
    client: `@actual-app/crdt ${versionOf('@actual-app/crdt')} over better-sqlite3 ${versionOf('better-sqlite3')}, journal_mode WAL, synchronous NORMAL`,
    encrypted: false, signed: false,
  });
  const server = spawn(process.execPath, [app], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_ENV: 'production', ACTUAL_DATA_DIR: directory, ACTUAL_PORT: String(port), ACTUAL_HOSTNAME: '127.0.0.1' },
  });
  process.on('exit', () => server.kill());
  await answers(`http://127.0.0.1:${port}/health`);
  const account = await makeFile(port);
  await exchange(PEER, server.pid, port, async (name, through) => {
    const device = start(process.argv[1]);
    await device.call('open', join(directory, name), through, account);
    return device;
  });
  server.kill();
}
