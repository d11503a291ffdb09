import type { Model } from './history';

/** Puts something at the end of a queue, or takes what is at its head. No value may be put in twice. */
export type QueueInput =
  { readonly kind: 'enqueue'; readonly value: string } | { readonly kind: 'dequeue' };

export type QueueOutput =
  | { readonly kind: 'enqueued' }
  | { readonly kind: 'dequeued'; readonly value: string }
  /** There was nothing to take. */
  | { readonly kind: 'empty' };

/** First in, first out. A dequeue of unknown outcome takes the head, which nobody sees again, or does not. */
export const queueModel: Model<readonly string[], QueueInput, QueueOutput> = {
  initial: [],
  step: (queue, input, output) => {
    if (input.kind === 'enqueue') return [...queue, input.value];
    const [head, ...rest] = queue;
    if (output?.kind === 'empty') return head === undefined ? queue : undefined;
    if (head === undefined) return undefined;
    return output === undefined || (output.kind === 'dequeued' && output.value === head)
      ? rest
      : undefined;
  },
  fingerprint: (queue) => JSON.stringify(queue),
};
