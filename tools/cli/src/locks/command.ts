import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { lock } from '@raftway/contracts';
import { toDuration } from '@raftway/service-kit';
import { CommandError } from '../command/command-error';
import { addressOption } from '../command/address-option';
import { type Description, describe } from '../command/describe';
import { CALL_EXIT_CODES, ExitCode } from '../command/exit-code';
import { toJson } from '../command/json';
import type { Output } from '../command/output';
import { InvalidArgumentError } from '../command/parsers';
import { protobufJson } from '../command/protobuf-json';
import { reporting } from '../command/reporting';
import { CALL_MARGIN_MS, type LockClient, lockClient } from './client';
import { ttlOption, waitOption } from './options';
import { describeHolders, renderLock, renderLocks } from './render';
import { addRun } from './run-command';

interface LockFlags {
  readonly address: string;
  readonly json: boolean;
}

const PAGE_SIZE = 1000;

/** `raftway locks …`: who holds what, and taking and giving back. */
export function addLocks(parent: Command, output: Output): void {
  const command = describe(parent.command('locks'), {
    summary: 'look at locks, take them, and run commands while one is held',
    examples: [
      ['raftway locks list', 'who holds what'],
      ['raftway locks run nightly -- ./backup.sh', 'a command that must not run twice at once'],
    ],
  });
  addList(command, output);
  addGet(command, output);
  addAcquire(command, output);
  addRelease(command, output);
  addForceRelease(command, output);
  addRun(command, output);
}

function addList(parent: Command, output: Output): void {
  verb(parent, 'list', {
    summary: 'list the locks that are held or waited for',
    examples: [['raftway locks list orders/', 'those whose names begin like this']],
  })
    .argument('[prefix]', 'of their names')
    .action((prefix: string | undefined, flags: LockFlags) =>
      run(flags, output, async (client) => {
        const locks: lock.Lock[] = [];
        let pageToken = '';
        do {
          const page = await client.listLocks({ prefix, pageSize: PAGE_SIZE, pageToken });
          locks.push(...page.locks);
          pageToken = page.nextPageToken;
        } while (pageToken !== '');
        const json = locks.map((one) => protobufJson('raftway.lock.v1.Lock', lock.Lock, one));
        output.out(flags.json ? toJson(json) : renderLocks(locks));
      }),
    );
}

function addGet(parent: Command, output: Output): void {
  verb(parent, 'get', {
    summary: 'show one lock: its holder, and who waits',
    examples: [['raftway locks get printer', 'one lock']],
  })
    .argument('<name>', 'the lock')
    .action((name: string, flags: LockFlags) =>
      run(flags, output, async (client) => {
        const answer = await client.getLock({ name });
        const found = answer.lock ?? lock.Lock.fromPartial({ name });
        output.out(
          flags.json
            ? toJson(protobufJson('raftway.lock.v1.Lock', lock.Lock, found))
            : renderLock(found),
        );
      }),
    );
}

function addAcquire(parent: Command, output: Output): void {
  verb(parent, 'acquire', {
    summary: 'take a lock for a time; nobody renews it',
    examples: [['raftway locks acquire printer --ttl 30s --wait 5s', 'for 30 seconds']],
  })
    .argument('<name>', 'the lock')
    .addOption(ttlOption('how long it is held, unless it is released'))
    .addOption(waitOption())
    .option('--owner <text>', 'who takes it; left out, the session')
    .action((name: string, flags: LockFlags & AcquireFlags) =>
      run(flags, output, async (client) => {
        const { ttl, wait, owner } = flags;
        const answer = await client.acquire(
          {
            name,
            ownerId: owner ?? '',
            ttl: toDuration(ttl),
            waitTimeout: toDuration(wait),
            requestId: randomUUID(),
            metadata: { host: hostname() },
          },
          { timeoutMs: wait + CALL_MARGIN_MS },
        );
        const { acquired, sessionId, fencingToken, holders } = answer;
        if (!acquired) {
          const message = `the lock "${name}" is not to be had: ${describeHolders(holders)}`;
          throw new CommandError(ExitCode.unfinished, message);
        }
        const text = `${name} is held: token ${fencingToken}, session ${sessionId}`;
        output.out(
          flags.json
            ? toJson(protobufJson('raftway.lock.v1.AcquireResponse', lock.AcquireResponse, answer))
            : text,
        );
      }),
    );
}

interface AcquireFlags {
  readonly ttl: number;
  readonly wait: number;
  readonly owner: string | undefined;
}

function addRelease(parent: Command, output: Output): void {
  verb(parent, 'release', {
    summary: 'give a lock back',
    examples: [['raftway locks release printer --session 5f2c…', 'as acquire printed it']],
  })
    .argument('<name>', 'the lock')
    .requiredOption('--session <id>', 'under which it is held')
    .option('--owner <text>', 'who took it; left out, the session')
    .option('--token <n>', 'its fencing token, to be sure', token)
    .action((name: string, flags: LockFlags & ReleaseFlags) =>
      run(flags, output, async (client) => {
        const answer = await client.release({
          name,
          sessionId: flags.session,
          ownerId: flags.owner ?? '',
          fencingToken: flags.token ?? 0n,
          requestId: randomUUID(),
        });
        const text = answer.released
          ? `${name} is released`
          : `${name} is still held, to be released ${answer.holdCount} times more`;
        output.out(
          flags.json
            ? toJson(protobufJson('raftway.lock.v1.ReleaseResponse', lock.ReleaseResponse, answer))
            : text,
        );
      }),
    );
}

interface ReleaseFlags {
  readonly session: string;
  readonly owner: string | undefined;
  readonly token: bigint | undefined;
}

function addForceRelease(parent: Command, output: Output): void {
  verb(parent, 'force-release', {
    summary: 'take a lock away from whoever holds it',
    details: ['The holder is not told: it notices when it renews, or by its fencing token.'],
    examples: [
      ['raftway locks force-release printer --reason "host is gone"', 'the reason is logged'],
    ],
  })
    .argument('<name>', 'the lock')
    .requiredOption('--reason <text>', 'why; it is logged')
    .action((name: string, flags: LockFlags & { readonly reason: string }) =>
      run(flags, output, async (client) => {
        const { reason } = flags;
        const answer = await client.forceRelease({ name, reason, requestId: randomUUID() });
        const owners = answer.holders.map(({ ownerId }) => ownerId).join(', ');
        const text = owners === '' ? `nobody held ${name}` : `${name} was taken from ${owners}`;
        output.out(
          flags.json
            ? toJson(
                protobufJson(
                  'raftway.lock.v1.ForceReleaseResponse',
                  lock.ForceReleaseResponse,
                  answer,
                ),
              )
            : text,
        );
      }),
    );
}

/** A command with the options that all but `run` have. */
function verb(parent: Command, name: string, description: Description): Command {
  const command = parent
    .command(name)
    .addOption(addressOption())
    .option('--json', 'print JSON', false);
  return describe(command, { exitCodes: CALL_EXIT_CODES, ...description });
}

function run(
  flags: LockFlags,
  output: Output,
  work: (client: LockClient) => Promise<void>,
): Promise<void> {
  return reporting(output, flags.json, async () => {
    const client = lockClient(flags.address);
    try {
      await work(client);
    } finally {
      client.close();
    }
  });
}

function token(text: string): bigint {
  if (!/^\d{1,20}$/.test(text)) throw new InvalidArgumentError(`"${text}" is no token.`);
  return BigInt(text);
}
