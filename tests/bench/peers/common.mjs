// What the peers' benchmarks share: the visits of tests/bench/visits.c, two clocks, processes, a relay that counts, JSON lines.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** From what `make bench-peers` fetched; everything runs from the root of the tree. */
export const require = createRequire(join(process.cwd(), 'build/peers/node/package.json'));
export const versionOf = name => JSON.parse(readFileSync(`build/peers/node/node_modules/${name}/package.json`, 'utf8')).version;

export const FIELDS = 8;
export const PER_FAMILY = 300;
export const number = (name, otherwise) => Number(process.env[name] ?? otherwise);

const WORDS = ['moeder', 'vader', 'school', 'rustig', 'vandaag', 'samen', 'huis', 'eten', 'slapen', 'boos', 'fiets', 'vrijdag',
  'bellen', 'oma', 'praten', 'kind', 'werk', 'goed', 'buiten', 'moeilijk'];

/** Notes of 28 words, the same in the same order as ours. */
export function notes(seed) {
  return () => {
    let note = '';
    for (let i = 0; i < 28; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      note += WORDS[(seed >>> 16) % 20] + ' ';
    }
    return note;
  };
}

const hex = (value, length) => value.toString(16).padStart(length, '0');
// As random as a time-ordered id is, and the same in each run.
export const visitId = i => '01a202daad5b7' + hex(i, 7) + hex(Math.imul(i + 1, 2654435761) >>> 0, 8) + '7bb0';

/** The eight fields of one visit. */
export function visit(i, note) {
  return {
    family: '01a202daad5b739da210dc' + hex(Math.floor(i / PER_FAMILY), 10), author: '01a202daad5b739da210dcf0bb1728ad',
    kind: 'visit', day: 20240000 + (1 + (Math.floor(i / 28) % 12)) * 100 + 1 + (i % 28), time: 600, minutes: 45,
    next: 20250101, note,
  };
}

/** Ten visits in each of ten families, as bench_round amends them. */
export const EDITED = Array.from({ length: 100 }, (_, i) => Math.floor(i / 10) * PER_FAMILY + (i % 10));

// ---- clocks ----
export const clocks = () => ({ wall: performance.now(), cpu: process.cpuUsage() });
/** Milliseconds since. */
export function since(start) {
  const cpu = process.cpuUsage(start.cpu);
  return { wall: performance.now() - start.wall, cpu: (cpu.user + cpu.system) / 1000 };
}
const HERTZ = 100;
/** Milliseconds of CPU that a process used so far. */
export function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / HERTZ;
}
/** Megabytes at most. */
export const memoryOf = pid => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// ---- telling ----
const ours = new Map();
/** Our own lines of the same run, for the ratio; none, no ratio. */
if (process.env.OURS) {
  for (const line of readFileSync(process.env.OURS, 'utf8').split('\n').filter(Boolean)) {
    const figure = JSON.parse(line);
    if (figure.figure) ours.set(figure.figure, figure);
  }
}
const round = value => (value === undefined || value === null ? null : Number(value.toPrecision(4)));
/** One line: `name` of ours beside the peer's medians. `spans` are {wall, cpu}, or numbers that no clock gave. */
export function tell(peer, name, unit, spans, more = {}) {
  const all = Array.isArray(spans) ? spans : [spans];
  const isTimed = typeof all[0] === 'object';
  const value = median(all.map(span => (isTimed ? span.wall : span)));
  const cpu = isTimed ? median(all.map(span => span.cpu)) : null;
  const own = ours.get(name);
  console.log(JSON.stringify({
    figure: name, peer_name: peer, value: own?.value ?? null, unit, peer: round(value), ratio: own ? round(own.value / value) : null,
    ...(isTimed && { cpu: own?.cpu ?? null, cpu_peer: round(cpu), cpu_ratio: own?.cpu ? round(own.cpu / cpu) : null }),
    runs: all.length, ...more,
  }));
}
export const settings = (peer, what) => console.log(JSON.stringify({ settings: peer, node: process.version, ...what }));
export const missing = (peer, why) => console.log(JSON.stringify({ missing: peer, why }));

// ---- places, ports, processes ----
export function scratch() {
  const directory = mkdtempSync(join(tmpdir(), 'baken-peer-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
export const freePort = () => new Promise(done => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});
/** Until the server answers, or a minute has gone. */
export async function answers(url) {
  for (let i = 0; i < 600; i++) {
    try {
      await (await fetch(url)).arrayBuffer();
      return;
    } catch {
      await new Promise(done => setTimeout(done, 100));
    }
  }
  throw new Error(`nobody answers at ${url}`);
}

/** A process whose functions are called from here: `call(name, ...arguments)` gives {value, wall, cpu}. */
export function start(script, env = {}) {
  const child = fork(script, ['device'], { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let waiting = null;
  child.on('message', message => (message.error ? waiting.fail(new Error(message.error)) : waiting.done(message)));
  child.on('exit', code => waiting?.fail(new Error(`${script} ended with ${code}`)));
  return {
    pid: child.pid,
    call: (name, ...args) => new Promise((done, fail) => {
      waiting = { done, fail };
      child.send({ name, args });
    }),
    stop: () => new Promise(done => {
      waiting = null;
      child.once('exit', done);
      child.kill();
    }),
  };
}
/** The other side of start. */
export function serve(functions) {
  process.on('message', async ({ name, args }) => {
    const from = clocks();
    try {
      const value = await functions[name](...args);
      process.send({ value, ...since(from) });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
}

/** Passes on to a port of loopback, and counts bytes and requests. */
export function relay(port) {
  const counts = { sent: 0, received: 0, requests: 0 };
  const server = net.createServer(client => {
    const to = net.connect(port, '127.0.0.1');
    for (const end of [client, to]) end.setNoDelay(true).on('error', () => { client.destroy(); to.destroy(); });
    client.on('data', bytes => {
      counts.sent += bytes.length;
      if (/^(GET|HEAD|PUT|POST) /.test(bytes.subarray(0, 5).toString('latin1'))) counts.requests++;
    });
    to.on('data', bytes => { counts.received += bytes.length; });
    client.pipe(to);
    to.pipe(client);
  });
  return new Promise(done => server.listen(0, '127.0.0.1', () => done({ counts, port: server.address().port, stop: () => server.close() })));
}

/** First sync, a hundred edits and an empty sync, of whoever has devices: `make(name, port)` starts one. `serverPid` is the server's. */
export async function exchange(peer, serverPid, port, make) {
  const visits = number('PEER_VISITS', 36000);
  const runs = number('RUNS', 5);
  const writer = await make('writer', port);
  const took = await writer.call('write', visits);
  tell(peer, 'import_visits', 'visits/s', { wall: visits / (took.wall / 1000), cpu: visits / (took.cpu / 1000) });
  await writer.call('sync');

  const first = [];
  const firstAll = [];
  let through, reader;
  for (let run = 0; run < runs; run++) {
    await reader?.stop();
    through?.stop();
    through = await relay(port);
    reader = await make(`reader${run}`, through.port);
    const server = cpuOf(serverPid);
    const pulled = await reader.call('sync');
    firstAll.push({ wall: pulled.wall / 1000, cpu: (pulled.cpu + cpuOf(serverPid) - server) / 1000 });
    first.push(pulled);
    const has = (await reader.call('count')).value;
    if (has !== visits) throw new Error(`${has} of ${visits} visits arrived`);
  }
  tell(peer, 'first_sync_http', 's', firstAll,
    { visits, cpu_device_s: round(median(first.map(span => span.cpu)) / 1000), memory_device_mb: Math.round(memoryOf(reader.pid)), memory_server_mb: Math.round(memoryOf(serverPid)) });
  tell(peer, 'first_sync_http_received', 'bytes a visit', through.counts.received / visits);

  await reader.call('sync');
  const before = { ...through.counts };
  const idle = [];
  for (let run = 0; run < 21; run++) {
    const server = cpuOf(serverPid);
    const span = await reader.call('sync');
    idle.push({ wall: span.wall, cpu: span.cpu + cpuOf(serverPid) - server });
  }
  tell(peer, 'empty_sync_http', 'ms', idle);
  for (const what of ['requests', 'sent', 'received'])
    tell(peer, `empty_sync_http_${what}`, what === 'requests' ? 'requests' : 'bytes', (through.counts[what] - before[what]) / 21);

  const edits = [];
  for (let run = 0; run < 21; run++) {
    await writer.call('edit', run);
    const server = cpuOf(serverPid);
    const from = performance.now();
    const pushed = await writer.call('sync');
    const pulled = await reader.call('sync');
    edits.push({ wall: performance.now() - from, cpu: pushed.cpu + pulled.cpu + cpuOf(serverPid) - server });
    if ((await reader.call('edited', run)).value !== EDITED.length) throw new Error('an edit did not arrive');
  }
  tell(peer, 'edits_100_http', 'ms', edits);
  through.stop();
  await writer.stop();
  await reader.stop();
}
