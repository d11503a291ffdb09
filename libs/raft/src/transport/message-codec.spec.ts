import fc from 'fast-check';
import { entriesOf } from '../../test/support/entries';
import { DecodeError } from '../state-machine/binary-reader';
import { EntryKind, type Message } from '../core';
import { decodeMessages, encodeMessages, MESSAGE_FORMAT_OLDEST } from './message-codec';

const NO_PRIORITIES = {
  yields: undefined,
  trial: undefined,
  priority: undefined,
  electable: undefined,
};

const NO_HINTS = {
  verdict: undefined,
  checkpoint: undefined,
  freshness: undefined,
  reading: undefined,
  ...NO_PRIORITIES,
};

/** As it reads for those that know no priorities and no traces. */
function withoutNews(message: Message): Message {
  const plain = { ...message, ...NO_PRIORITIES };
  if (plain.type !== 'forwardProposals') return plain;
  const proposals = plain.proposals.map((proposal) => ({ ...proposal, trace: undefined }));
  return { ...plain, proposals };
}

const link = { from: 1, to: 2, term: 9007199254740991 } as const;

const MESSAGES: readonly Message[] = [
  {
    type: 'requestVote',
    ...link,
    preVote: true,
    lastLogIndex: 7,
    lastLogTerm: 3,
    leadershipTransfer: false,
  },
  { type: 'requestVoteReply', ...link, preVote: false, granted: true, suspectRun: 8 },
  {
    type: 'appendEntries',
    ...link,
    prevLogIndex: 4,
    prevLogTerm: 2,
    entries: entriesOf(5, 9, 3),
    leaderCommit: 4,
  },
  { type: 'appendEntries', ...link, prevLogIndex: 0, prevLogTerm: 0, entries: [], leaderCommit: 0 },
  {
    type: 'appendEntriesReply',
    ...link,
    success: false,
    matchIndex: 9,
    hintIndex: 5,
    hintTerm: 2,
    suspectRun: 9007199254740991,
  },
  { type: 'heartbeat', ...link, leaderCommit: 12, round: 77, readmittedRun: 8 },
  {
    type: 'heartbeat',
    ...link,
    leaderCommit: 12,
    round: 77,
    readmittedRun: 0,
    verdict: { index: 512, hash: 0xffffffff },
    freshness: { runId: 9007199254740991, sentAtMs: 1234.5, index: 12 },
  },
  {
    type: 'heartbeatReply',
    ...link,
    round: 77,
    suspectRun: 0,
    checkpoint: { index: 1024, hash: 0 },
    reading: { runId: 3, sentAtMs: 0.25 },
  },
  { type: 'heartbeatReply', ...link, round: 77, suspectRun: 0 },
  {
    type: 'heartbeat',
    ...link,
    leaderCommit: 12,
    round: 77,
    readmittedRun: 0,
    freshness: { runId: 3, sentAtMs: 1, index: 12 },
    yields: true,
  },
  { type: 'heartbeat', ...link, leaderCommit: 12, round: 77, readmittedRun: 0, trial: true },
  { type: 'heartbeatReply', ...link, round: 77, suspectRun: 0, priority: 0 },
  { type: 'heartbeatReply', ...link, round: 77, suspectRun: 0, priority: 100, electable: true },
  {
    type: 'installSnapshot',
    ...link,
    snapshot: {
      lastIncludedIndex: 100,
      lastIncludedTerm: 3,
      stampMs: 1234.5,
      configuration: {
        clusterId: 'größe',
        members: [
          { id: 1, address: 'a:1', voter: true },
          { id: 2, address: 'b:2', voter: false },
        ],
      },
    },
  },
  { type: 'installSnapshotReply', ...link, matchIndex: 100, suspectRun: 8 },
  { type: 'timeoutNow', ...link },
  { type: 'transferLeadership', ...link, target: 3 },
  {
    type: 'forwardProposals',
    ...link,
    runId: 12345678901234,
    proposals: [
      { ticket: 1, kind: EntryKind.command, clientId: 'c', sequence: 2, payload: Buffer.from('x') },
      { ticket: 2, kind: EntryKind.command, clientId: '', sequence: 0, payload: Buffer.alloc(0) },
    ],
  },
  {
    type: 'forwardProposals',
    ...link,
    runId: 7,
    proposals: [
      { ticket: 1, kind: EntryKind.command, clientId: '', sequence: 0, payload: Buffer.from('x') },
      {
        ...{ ticket: 2, kind: EntryKind.command, clientId: '', sequence: 0 },
        payload: Buffer.from('y'),
        trace: {
          traceId: '0af7651916cd43dd8448eb211c80319c',
          spanId: 'b7ad6b7169203331',
          traceFlags: 1,
        },
      },
    ],
  },
  {
    type: 'forwardProposalsReply',
    ...link,
    runId: 5,
    tickets: [1, 2],
    firstIndex: 44,
    refusal: undefined,
  },
  {
    type: 'forwardProposalsReply',
    ...link,
    runId: 5,
    tickets: [3],
    firstIndex: 0,
    refusal: 'queueFull',
  },
  { type: 'readIndexRequest', ...link, runId: 5, tickets: [1, 2, 3] },
  { type: 'readIndexReply', ...link, runId: 5, tickets: [1, 2, 3], readIndex: 9 },
];

describe('the message codec', () => {
  it.each(MESSAGES.map((message) => [message.type, message] as const))(
    'yields %s as it was',
    (_type, message) => {
      expect(decodeMessages(encodeMessages([message]))).toEqual([message]);
    },
  );

  it('yields a batch in order', () => {
    expect(decodeMessages(encodeMessages(MESSAGES))).toEqual(MESSAGES);
  });

  it('leaves out towards a replica of the version before what that does not know, which is priorities', () => {
    const bytes = encodeMessages(MESSAGES, 256, 3);
    expect(bytes[0]).toBe(3);
    expect(decodeMessages(bytes)).toEqual(MESSAGES.map(withoutNews));
  });

  it('spends no byte on priorities where nothing is said of them', () => {
    const plain = MESSAGES.map(withoutNews);
    expect(encodeMessages(plain)).toEqual(encodeMessages(plain, 256, 3));
  });

  it('refuses a priority that there is not', () => {
    const bytes = encodeMessages([{ type: 'heartbeatReply', ...link, round: 1, priority: 7 }]);
    bytes[bytes.length - 2] = 101;
    expect(() => decodeMessages(bytes)).toThrow('priority 101 is not understood');
  });

  it('writes proposals that nobody records as before there were traces', () => {
    const plain = MESSAGES.map(withoutNews).filter(({ type }) => type === 'forwardProposals');
    expect(encodeMessages(plain)).toEqual(encodeMessages(plain, 256, 3));
    expect(encodeMessages(plain)[0]).toBe(3);
  });

  it('refuses a trace of a proposal that there is not', () => {
    const traced = MESSAGES.filter((message) => encodeMessages([message])[0] === 5);
    const bytes = encodeMessages(traced);
    bytes.writeUInt32LE(2, bytes.length - 29);
    expect(traced).toHaveLength(1);
    expect(() => decodeMessages(bytes)).toThrow('there is no proposal 2');
  });

  it('leaves out towards a replica of the oldest version what that does not know', () => {
    const bytes = encodeMessages(MESSAGES, 256, MESSAGE_FORMAT_OLDEST);
    const plain = MESSAGES.map((message) => ({ ...withoutNews(message), ...NO_HINTS }));
    expect(bytes[0]).toBe(MESSAGE_FORMAT_OLDEST);
    expect(decodeMessages(bytes)).toEqual(plain);
  });

  it('refuses formats that it does not know', () => {
    for (const format of [0, 1, 6]) {
      expect(() => decodeMessages(Buffer.from([format]))).toThrow('is not understood, only 2 to 5');
    }
  });

  it('refuses every proper prefix of a message', () => {
    for (const message of MESSAGES) {
      const bytes = encodeMessages([message]);
      for (let cut = 2; cut < bytes.length; cut++) {
        expect(() => decodeMessages(bytes.subarray(0, cut))).toThrow(DecodeError);
      }
    }
  });

  it('throws nothing but DecodeError on any bytes, and on any change of good ones', () => {
    const good = encodeMessages(MESSAGES);
    const decode = (bytes: Uint8Array): void => {
      try {
        decodeMessages(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decode(Buffer.concat([Buffer.from([5]), bytes]));
      }),
    );
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(good);
        changed[at] = (changed[at] as number) ^ flip;
        decode(changed);
      }),
    );
  });

  it('refuses a count that the input cannot hold, without making room for it', () => {
    const bytes = encodeMessages([{ type: 'readIndexRequest', ...link, runId: 5, tickets: [1] }]);
    bytes.writeUInt32LE(0xffff_ffff, bytes.length - 12);
    expect(() => decodeMessages(bytes)).toThrow('4294967295 items do not fit');
  });

  it('refuses entries that do not follow each other', () => {
    const message: Message = {
      type: 'appendEntries',
      ...link,
      prevLogIndex: 4,
      prevLogTerm: 2,
      entries: [...entriesOf(5, 6), ...entriesOf(8, 9)],
      leaderCommit: 4,
    };
    expect(() => decodeMessages(encodeMessages([message]))).toThrow('entry 8 does not follow 6');
  });
});
