import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../test/support/harness';
import { LineWriter } from './line-writer';

let directory: string;
let counts: { written: number; dropped: number };
let failures: string[];
let nowMs: number;
/** What is still open at the end of a spec, whichever end that is. */
let closing: (() => unknown)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'raftway-lines-'));
  counts = { written: 0, dropped: 0 };
  failures = [];
  nowMs = 0;
  closing = [];
});

afterEach(async () => {
  for (const close of closing) await close();
  rmSync(directory, { recursive: true });
});

function writerTo(target: string, itemsMax = 1000): LineWriter<string> {
  return new LineWriter({
    ...{ target, itemsMax, lineOf: (item) => item, nowMs: () => nowMs },
    onLines: (result, count) => (counts[result] += count),
    onFailure: (error) => failures.push(error.message),
  });
}

describe('a writer of lines', () => {
  it('adds them to a file, in order, and writes what waits when it is closed', async () => {
    const file = join(directory, 'access.log');
    const lines = Array.from({ length: 900 }, (_, number) => `${number} ${'x'.repeat(500)}`);
    for (const part of [lines.slice(0, 300), lines.slice(300)]) {
      const writer = writerTo(file);
      for (const line of part) writer.offer(line);
      await writer.close();
    }

    expect(readFileSync(file, 'utf8')).toBe(lines.map((line) => `${line}\n`).join(''));
    expect(counts).toEqual({ written: 900, dropped: 0 });
  });

  it('writes by itself, soon', async () => {
    const file = join(directory, 'access.log');
    const writer = writerTo(file);
    closing.push(() => writer.close());
    writer.offer('one');
    writer.offer('two');

    await eventually(() => counts.written === 2, 'both lines');

    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
  });

  it('drops what does not fit into its memory, and counts it', async () => {
    const writer = writerTo(join(directory, 'access.log'), 10);
    for (let number = 0; number < 25; number += 1) writer.offer('line');

    await writer.close();

    expect(counts).toEqual({ written: 10, dropped: 15 });
  });

  it('goes on in a new file when the old one was moved away', async () => {
    const file = join(directory, 'access.log');
    const writer = writerTo(file);
    closing.push(() => writer.close());
    writer.offer('before');
    await eventually(() => counts.written === 1, 'the line before');
    renameSync(file, `${file}.1`);
    nowMs += 5000;

    writer.offer('after');
    await eventually(() => counts.written === 2, 'the line after');

    expect(readFileSync(`${file}.1`, 'utf8')).toBe('before\n');
    expect(readFileSync(file, 'utf8')).toBe('after\n');
  });

  it('does not wait for a pipe that nobody reads, and writes whole lines when somebody does', async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const flags = constants.O_RDWR | constants.O_NONBLOCK;
    const reader = openSync(pipe, flags);
    const bytes = Buffer.alloc(1 << 20);
    const writer = new LineWriter<string>({
      ...{ target: `/proc/self/fd/${reader}`, itemsMax: 2000 },
      ...{ lineOf: (item) => item, nowMs: () => nowMs },
      onLines: (result, count) => (counts[result] += count),
      onFailure: (error) => failures.push(error.message),
    });
    closing.push(
      () => writer.close(),
      () => closeSync(reader),
    );
    const line = 'y'.repeat(299);
    for (let number = 0; number < 2500; number += 1) writer.offer(line);
    // The system keeps 64 KiB; the rest waits.
    await eventually(() => counts.written > 0, 'what the pipe takes');

    expect(counts.dropped).toBe(500);
    let text = '';
    await eventually(() => {
      text += readSome(reader, bytes);
      return counts.written === 2000;
    }, 'all lines');
    text += readSome(reader, bytes);

    expect(text).toBe(`${line}\n`.repeat(2000));
    expect(failures).toEqual([]);
  });

  it('says once that it cannot write', async () => {
    const writer = writerTo('/dev/full');
    closing.push(() => writer.close());
    writer.offer('one');
    await eventually(() => counts.dropped === 1, 'the first loss');
    writer.offer('two');
    await eventually(() => counts.dropped === 2, 'the second loss');

    expect(failures).toEqual([expect.stringContaining('ENOSPC')]);
  });

  it('is not made for a file that cannot be opened', () => {
    expect(() => writerTo(join(directory, 'missing', 'access.log'))).toThrow('ENOENT');
  });
});

function readSome(fd: number, bytes: Buffer): string {
  try {
    return bytes.toString('latin1', 0, readSync(fd, bytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
    throw error;
  }
}
