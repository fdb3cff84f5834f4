// PouchDB to express-pouchdb: a server process and a process for each device, LevelDB on each side; nothing is signed or encrypted.
import { join } from 'node:path';
import { answers, EDITED, exchange, freePort, notes, require, scratch, serve, settings, start, versionOf, visit, visitId } from './common.mjs';

const PouchDB = require('pouchdb');
const PEER = `pouchdb ${versionOf('pouchdb')}`;
const BATCH = { batch_size: 1000, batches_limit: 10 };

let db;
const functions = {
  /** The server. */
  listen(directory, port) {
    const app = require('express')();
    app.use('/', require('express-pouchdb')(PouchDB.defaults({ prefix: directory }), { mode: 'minimumForPouchDB', inMemoryConfig: true }));
    return new Promise(done => app.listen(port, '127.0.0.1', () => done(null)));
  },
  open(directory, port) {
    db = new PouchDB(directory);
    db.remote = new PouchDB(`http://127.0.0.1:${port}/team`);
  },
  async write(count) {
    const next = notes(1);
    for (let i = 0; i < count; i += 100) {
      const some = [];
      for (let k = i; k < Math.min(i + 100, count); k++) some.push({ _id: visitId(k), ...visit(k, next()) });
      await db.bulkDocs(some);
    }
  },
  async sync() {
    await db.replicate.to(db.remote, BATCH);
    await db.replicate.from(db.remote, BATCH);
  },
  async count() {
    return (await db.info()).doc_count;
  },
  async edit(run) {
    const next = notes(run + 77);
    for (const i of EDITED) {
      const record = await db.get(visitId(i));
      await db.put({ ...record, note: next(), minutes: 60, reason: 'aangevuld' });
    }
  },
  async edited(run) {
    const next = notes(run + 77);
    let same = 0;
    for (const i of EDITED) same += (await db.get(visitId(i))).note === next();
    return same;
  },
};

if (process.argv[2] === 'device') serve(functions);
else {
  const directory = scratch();
  const port = await freePort();
  const script = process.argv[1];
  settings(PEER, {
    command: 'node tests/bench/peers/pouchdb.mjs', server: `express-pouchdb ${versionOf('express-pouchdb')}, minimumForPouchDB`,
    store: `leveldown ${versionOf('leveldown')}, its own settings: no flush at a write`, ...BATCH, encrypted: false, signed: false,
  });
  const server = start(script);
  await server.call('listen', join(directory, 'server-'), port);
  await answers(`http://127.0.0.1:${port}/`);
  await fetch(`http://127.0.0.1:${port}/team`, { method: 'PUT' });
  await exchange(PEER, server.pid, port, async (name, through) => {
    const device = start(script);
    await device.call('open', join(directory, name), through);
    return device;
  });
  await server.stop();
}
