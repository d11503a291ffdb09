import fc from 'fast-check';
import { COMMAND_FORMAT_VERSION, decodeCommand, encodeCommand } from './command-codec';
import { type LockCommand } from './commands';
import { decodeResult, encodeResult } from './result-codec';
import { type LockResult, limitReached, rejected } from './results';

const metadata = [
  ['host', 'a'],
  ['emoji', '🔒'],
] as const;

const commands: LockCommand[] = [
  { kind: 'openSession', fingerprint: 0xffffffff, nonce: 'x', ttlMs: 86_400_000 },
  { kind: 'renewSessions', sessionIds: ['a', 'b'] },
  { kind: 'renewSessions', sessionIds: [] },
  { kind: 'closeSession', fingerprint: 1, sessionId: 's' },
  {
    kind: 'acquire',
    fingerprint: 2,
    name: 'ü/1',
    sessionId: '',
    ownerId: 'o',
    ttlMs: 1,
    waitMs: 3_600_000,
    requestId: 'r',
    nonce: 'n',
    metadata,
  },
  { kind: 'cancelWait', name: 'a', attemptId: 2 ** 53 - 1, attachment: 'n' },
  { kind: 'release', fingerprint: 3, name: 'a', sessionId: 's', ownerId: '', token: 2 ** 40 },
  { kind: 'forceRelease', fingerprint: 4, name: 'a', reason: 'because' },
];

const results: LockResult[] = [
  { fingerprint: 1, outcome: { kind: 'sessionOpened', sessionId: 's', ttlMs: 1_000 } },
  { fingerprint: 0, outcome: { kind: 'sessionsRenewed', ttlsMs: [0, 10_000] } },
  { fingerprint: 2, outcome: { kind: 'sessionClosed', locksReleased: 3 } },
  {
    fingerprint: 2,
    outcome: { kind: 'acquired', attemptId: 9, sessionId: 's', token: 2 ** 53 - 1, holdCount: 2 },
  },
  { fingerprint: 2, outcome: { kind: 'waiting', attemptId: 9 } },
  { fingerprint: 2, outcome: { kind: 'notAcquired', queuePosition: 4 } },
  { fingerprint: 0, outcome: { kind: 'waitCancelled', gaveBack: true, queuePosition: 0 } },
  { fingerprint: 2, outcome: { kind: 'released', holdCount: 1 } },
  {
    fingerprint: 2,
    outcome: {
      kind: 'forceReleased',
      holders: [
        {
          sessionId: 's',
          ownerId: 'o',
          token: 7,
          holdCount: 1,
          heldForMs: 0.5,
          expiresInMs: 3,
          metadata,
        },
      ],
    },
  },
  { fingerprint: 2, outcome: rejected('tokenMismatch', 12) },
  { fingerprint: 2, outcome: limitReached('locks', 5, 5) },
];

describe('the command codec', () => {
  it.each(commands)('brings back $kind as it was', (command) => {
    expect(decodeCommand(encodeCommand(command))).toEqual(command);
  });

  it('answers undefined to anything that is no command, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const first = bytes[0] ?? 0;
        fc.pre(first <= COMMAND_FORMAT_VERSION);
        expect(() => decodeCommand(bytes)).not.toThrow();
      }),
    );
    for (const command of commands) {
      const bytes = encodeCommand(command);
      for (let length = 0; length < bytes.length; length += 1)
        expect(decodeCommand(bytes.subarray(0, length))).toBeUndefined();
      expect(decodeCommand(Uint8Array.of(...bytes, 0))).toBeUndefined();
    }
  });

  it('refuses to go on with a format that it does not know: skipping the entry would make replicas differ', () => {
    const bytes = encodeCommand({ kind: 'renewSessions', sessionIds: [] });
    bytes[0] = COMMAND_FORMAT_VERSION + 1;

    expect(() => decodeCommand(bytes)).toThrow('format 2');
  });
});

describe('the result codec', () => {
  it.each(results)('brings back $outcome.kind as it was', (result) => {
    expect(decodeResult(encodeResult(result))).toEqual(result);
  });

  it('throws on bytes that are no result', () => {
    expect(() => decodeResult(Uint8Array.of(9, 9, 9))).toThrow();
    expect(() => decodeResult(Uint8Array.of(1, 99, 0, 0, 0, 0))).toThrow('kind 99');
  });
});
