import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { committedCatalogue, DASHBOARDS_FOLDER, generate } from './generate';

const WORKSPACE = resolve(__dirname, '..', '..', '..');
const committed = committedCatalogue(WORKSPACE);

describe('what is generated from the apps', () => {
  it('is what is committed: npm run generate writes it', () => {
    const script = join(WORKSPACE, 'tools/scripts/telemetry.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--check'], {
      encoding: 'utf8',
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: 'metrics, dashboards and alerts match the apps\n',
      stderr: '',
    });
  });

  it('is all that lies in the folder of the dashboards', () => {
    const boards = [...generate(WORKSPACE, committed).keys()].filter((file) =>
      file.startsWith(DASHBOARDS_FOLDER),
    );
    expect(readdirSync(join(WORKSPACE, DASHBOARDS_FOLDER)).sort()).toEqual(
      boards.map((file) => file.slice(DASHBOARDS_FOLDER.length + 1)).sort(),
    );
  });

  it('needs every metric to have a place in metrics.md', () => {
    const more = { ...committed.require('raftway_lock_held'), name: 'somebody_else_total' };
    expect(() => generate(WORKSPACE, committed.with(more))).toThrow(
      'somebody_else_total is in 0 tables',
    );
  });
});
