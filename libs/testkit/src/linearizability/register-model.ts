import type { Model } from './history';

/** Reads or writes one value; '' is the value of a register that was never written. */
export type RegisterInput =
  { readonly kind: 'read' } | { readonly kind: 'write'; readonly value: string };

/** What a read saw; for a write anything. */
export type RegisterOutput = string;

/** A register: a read sees the newest write. */
export const registerModel: Model<string, RegisterInput, RegisterOutput> = {
  initial: '',
  step: (state, input, output) => {
    if (input.kind === 'write') return input.value;
    return output === state ? state : undefined;
  },
  fingerprint: (state) => state,
};
