/*
 * A lock with fencing tokens and leases.
 *
 * The problem. A lock is free again when its holder's lease has ended, and no client knows when that is: the service decides, and may take its time.
 * A model that lets a lock be free "after the TTL" would be wrong in both directions.
 *
 * The sketch. What a client does know is a time before which the lease cannot have ended: the invocation of the last renewal that was acknowledged, plus
 * the TTL. So the end of a lease is an operation of the history like any other, invoked at that time and of unknown outcome: it may take effect at any
 * later time, or never. The checker has to find an order in which every grant happens when the lock is free, and a lease that ends
 * early has no order. The same device stands for a grant that the service takes back because its caller has gone.
 */
import type { Model } from './history';

/** What is done to one lock. An owner acquires at most once: a retry is the same operation, a second acquisition has another owner. */
export type LockInput =
  | { readonly kind: 'acquire'; readonly owner: string }
  | { readonly kind: 'release'; readonly owner: string }
  /** The end of the owner's lease, or of its grant for any other reason that its clients do not decide. Always of unknown outcome. */
  | { readonly kind: 'expire'; readonly owner: string }
  /** Who holds the lock? */
  | { readonly kind: 'read' }
  /** Is this token the one of the present hold? */
  | { readonly kind: 'check'; readonly token: number };

export type LockOutput =
  | { readonly kind: 'granted'; readonly token: number }
  /** The lock was held by somebody else, at least for a moment. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'released' }
  /** The release came from somebody who does not hold the lock. */
  | { readonly kind: 'notHolder' }
  /** `owner` is '' when the lock is free; `token` is that of the newest grant, 0 when there was none. */
  | { readonly kind: 'seen'; readonly owner: string; readonly token: number }
  | { readonly kind: 'checked'; readonly valid: boolean; readonly token: number };

/** `token` is that of the newest grant or, while nobody has seen that (`isExact` is false), a smaller one. */
export interface LockState {
  readonly owner: string;
  readonly token: number;
  readonly isExact: boolean;
}

/** At most one holder at a time, and tokens that strictly grow. */
export const lockModel: Model<LockState, LockInput, LockOutput> = {
  initial: { owner: '', token: 0, isExact: true },
  step,
  // An owner that has lost its lock does not lose it again, so for releases and ends of leases this changes nothing. For an acquisition of unknown
  // outcome it allows a little more than could be, and saves the search from trying all sets of them.
  mayRepeat: () => true,
  fingerprint: ({ owner, token, isExact }) => `${owner}#${isExact ? '' : '>'}${token}`,
};

function step(
  state: LockState,
  input: LockInput,
  output: LockOutput | undefined,
): LockState | undefined {
  switch (input.kind) {
    case 'acquire':
      return acquire(state, input.owner, output);
    case 'release': {
      const isHolder = state.owner === input.owner;
      if (output?.kind === 'notHolder') return isHolder ? undefined : state;
      return isHolder ? { ...state, owner: '' } : undefined;
    }
    case 'expire':
      return state.owner === input.owner ? { ...state, owner: '' } : undefined;
    case 'read':
      if (output?.kind !== 'seen' || output.owner !== state.owner) return undefined;
      return withToken(state, output.token);
    case 'check': {
      if (output?.kind !== 'checked') return undefined;
      const known = withToken(state, output.token);
      const isValid = known?.owner !== '' && known?.token === input.token;
      return isValid === output.valid ? known : undefined;
    }
  }
}

function acquire(
  state: LockState,
  owner: string,
  output: LockOutput | undefined,
): LockState | undefined {
  if (output?.kind === 'refused') {
    return state.owner !== '' && state.owner !== owner ? state : undefined;
  }
  if (state.owner !== '') return undefined;
  if (output === undefined) return { owner, token: state.token, isExact: false };
  if (output.kind !== 'granted' || output.token <= state.token) return undefined;
  return { owner, token: output.token, isExact: true };
}

function withToken(state: LockState, token: number): LockState | undefined {
  const fits = state.isExact ? token === state.token : token > state.token;
  return fits ? { ...state, token, isExact: true } : undefined;
}
