import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runUp, Suite } from './harness/suite';

/** `raftway up` where it cannot succeed: one clear sentence, and nothing left behind. */
describe('raftway up', () => {
  let dataDir: string;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'raftway-up-'));
  });

  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = (...args: string[]): Promise<{ code: number | null; output: string }> =>
    runUp(['--data-dir', dataDir, '--port-offset', '700', '--replicas', '1', ...args]);

  it('names the port that is in use, and who needs it', async () => {
    const squatter = await listen(20071 + 700);

    const { code, output } = await start();

    squatter.close();
    expect(code).toBe(69);
    expect(output).toContain(
      '127.0.0.1:20771, which lock-service-1 needs, is in use by another process',
    );
  });

  it('names the data directory that cannot be used', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');

    const { code, output } = await runUp([
      '--data-dir',
      join(file, 'below'),
      '--port-offset',
      '700',
    ]);

    expect(code).toBe(69);
    expect(output).toMatch(/below cannot be used \(ENOTDIR\)/);
  });

  it('refuses state of a suite with another number of replicas', async () => {
    writeFileSync(join(dataDir, 'suite.json'), '{"replicas": 3}\n');

    const { code, output } = await start();

    expect(code).toBe(69);
    expect(output).toContain('holds the state of a suite with --replicas 3');
  });

  it('keeps state over a restart, names a damaged log, and forgets everything with --fresh', async () => {
    const suite = await Suite.start({ portOffset: 700, replicas: 1, dataDir });
    expect((await suite.stop()).code).toBe(0);
    const log = damageLog(join(dataDir, 'lock-service-1'));

    const { code, output } = await start();

    expect(code).toBe(69);
    expect(output).toContain('lock-service-1');
    expect(output).toContain(log);
    const fresh = await Suite.start({ portOffset: 700, replicas: 1, dataDir, fresh: true });
    expect((await fresh.stop()).code).toBe(0);
  });
});

/** Overwrites bytes near the start of the newest log file, well before its good end. Yields the file's name. */
function damageLog(directory: string): string {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile() && /wal|log/.test(path.slice(directory.length)));
  const path = files.sort((a, b) => statSync(b).size - statSync(a).size)[0];
  if (path === undefined) throw new Error(`${directory} has no log`);
  const bytes = readFileSync(path);
  bytes.fill(0xff, 64, 96);
  writeFileSync(path, bytes);
  return path.slice(path.lastIndexOf('/') + 1);
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
