/** Unicode characters in a name. */
export const NAME_LENGTH_MAX = 256;
/** Names in one client stream: they all go into one greeting. */
export const NAMES_PER_GREETING_MAX = 1_000;
/** Names in one bidirectional stream. */
export const NAMES_PER_STREAM_MAX = 100_000;
/** Greetings that SayHelloStreamReply answers with. */
export const GREETINGS_PER_NAME = 3;

/** "Hello, Ada!"; "Hello, Ada and Grace!"; "Hello, Ada, Grace and Edsger!" */
export function greet(...names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  const others = names.slice(0, -1).join(', ');
  return `Hello, ${others === '' ? '' : `${others} and `}${last}!`;
}
