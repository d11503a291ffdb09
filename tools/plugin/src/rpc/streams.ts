/** Which side sends a stream of messages. */
export type StreamKind = 'none' | 'server' | 'client' | 'bidi';

/** What a method of one kind is like in each of the files. */
export interface Stream {
  readonly title: string;
  readonly summary: string;
  readonly request: string;
  readonly response: string;
  /** Names that its handler needs of `@raftway/service-kit`. */
  readonly imports: readonly string[];
  readonly handler: (name: string) => string;
  /** How its spec calls it with one text, yielding a list of replies. */
  readonly call: (name: string, text: string) => string;
  readonly requests: readonly { readonly text: string }[];
  readonly replies: readonly { readonly text: string }[];
}

const ONE = [{ text: 'hello' }];
const TWO = [{ text: 'hello' }, { text: 'world' }];

/** The four kinds of gRPC method. */
export const STREAMS: Readonly<Record<StreamKind, Stream>> = {
  none: {
    title: 'unary',
    summary: 'answers with the text',
    request: '',
    response: '',
    imports: [],
    handler: (name) => `${name}: ({ text }) => ({ text: validText(text) }),`,
    call: (name, text) => `[await started.client.${name}({ text: ${text} })]`,
    requests: ONE,
    replies: ONE,
  },
  server: {
    title: 'server stream',
    summary: 'answers with the words of the text, one by one',
    request: '',
    response: 'stream ',
    imports: [],
    handler: (name) =>
      [
        '// eslint-disable-next-line @typescript-eslint/require-await -- streams are async generators, also when they await nothing',
        `${name}: async function* ({ text }) {`,
        "  for (const word of validText(text).split(' ')) yield { text: word };",
        '},',
      ].join('\n'),
    call: (name, text) => `await all(started.client.${name}({ text: ${text} }))`,
    requests: [{ text: 'hello world' }],
    replies: TWO,
  },
  client: {
    title: 'client stream',
    summary: 'answers with up to 100 texts in one',
    request: 'stream ',
    response: '',
    imports: ['atMost'],
    handler: (name) =>
      [
        `${name}: async (requests) => {`,
        '  const texts: string[] = [];',
        "  for await (const { text } of atMost(requests, 100, 'text')) {",
        '    texts.push(validText(text));',
        '  }',
        "  return { text: texts.join(' ') };",
        '},',
      ].join('\n'),
    call: (name, text) => `[await started.client.${name}([{ text: ${text} }])]`,
    requests: TWO,
    replies: [{ text: 'hello world' }],
  },
  bidi: {
    title: 'both',
    summary: 'answers with each text as it comes in',
    request: 'stream ',
    response: 'stream ',
    imports: [],
    handler: (name) =>
      [
        `${name}: async function* (requests) {`,
        '  for await (const { text } of requests) yield { text: validText(text) };',
        '},',
      ].join('\n'),
    call: (name, text) => `await all(started.client.${name}([{ text: ${text} }]))`,
    requests: TWO,
    replies: TWO,
  },
};
