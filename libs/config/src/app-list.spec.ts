import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readAppList } from './app-list';

const WORKSPACE = resolve(__dirname, '..', '..', '..');

describe('the list of apps', () => {
  it('names folders of apps, each with ports of its own', () => {
    const apps = [...readAppList(WORKSPACE)];

    for (const [name] of apps) {
      expect(existsSync(join(WORKSPACE, 'apps', name, 'src', 'main.ts'))).toBe(true);
    }
    const ports = apps.flatMap(([, { port, peerPort = [] }]) => [port, peerPort].flat());
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('refuses what it does not know', () => {
    const root = mkdtempSync(join(tmpdir(), 'raftway-app-list-'));
    mkdirSync(join(root, 'apps'));
    writeFileSync(join(root, 'apps', 'apps.json'), '{"orders": {"prot": 50091}}');

    const read = () => readAppList(root);

    expect(read).toThrow(/prot/);
    rmSync(root, { recursive: true });
  });
});
