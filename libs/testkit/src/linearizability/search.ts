/*
 * Is there an order?
 *
 * The problem. A history is linearizable when its operations can be put into one order that a sequential object could have executed, in which
 * each operation stands somewhere between its invocation and its response (Herlihy and Wing 1990). Deciding that is NP-complete (Gibbons and
 * Korach 1997), and trying all orders ends nowhere after a dozen concurrent calls.
 *
 * The sketch. Wing and Gong ("Testing and verifying concurrent objects", 1993) choose the first operation of the order among those that were
 * invoked before any response came in, apply it to the object, take it out of the history and go on with the rest; when nothing fits they take
 * the last choice back. Lowe ("Testing for linearizability", 2017) adds what makes it fast: two ways to the same set of ordered operations
 * and the same state have the same future, so each pair is entered once. He and, after him, Horn and Kroening (2015) also check each part of
 * an object by itself; see check.ts.
 *
 * Operations of unknown outcome. They have no response, so nothing has to wait for them, and a search succeeds when every operation
 * that has a response is ordered: what is left over never took effect. They are tried after all others: most of them did nothing, and trying
 * them first would double the work with each.
 */
import type { Model, Operation } from './history';

/** How a search ended, and how many times the model was asked. */
export type SearchResult =
  | { readonly verdict: 'linearizable'; readonly steps: number }
  | { readonly verdict: 'violated'; readonly steps: number; readonly explanation: string }
  | { readonly verdict: 'unknown'; readonly steps: number };

/** An operation with a response, as one end of a doubly linked list of calls and returns in the order of time. */
interface Entry<Input, Output> {
  readonly operation: Operation<Input, Output> | undefined;
  readonly index: number;
  readonly isCall: boolean;
  readonly at: number;
  previous: Entry<Input, Output> | undefined;
  next: Entry<Input, Output> | undefined;
  /** The return that belongs to a call. */
  end: Entry<Input, Output> | undefined;
}

/** A choice: an operation with its place in the list, or one of unknown outcome. */
interface Candidate<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly entry: Entry<Input, Output> | undefined;
  readonly index: number;
}

/** One level of the search: what may come next here, and what was tried already. */
interface Level<State, Input, Output> {
  readonly state: State;
  readonly candidates: readonly Candidate<Input, Output>[];
  tried: number;
  /** The choice that led to the level above. */
  chosen: Candidate<Input, Output> | undefined;
}

/** Searches one key's history for an order. Gives up after asking the model `stepsMax` times. */
export function searchOrder<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  stepsMax: number,
): SearchResult {
  return new Search(operations, model, stepsMax).run();
}

class Search<State, Input, Output> {
  private readonly head: Entry<Input, Output>;
  private readonly unknown: readonly Operation<Input, Output>[];
  private readonly unknownUsed: boolean[];
  private readonly ordered: boolean[];
  /** All operations with a response below this index are ordered. */
  private watermark = 0;
  /** None at or above this index is. */
  private ceiling = 0;
  private remaining: number;
  private steps = 0;
  private readonly entered = new Set<string>();
  private readonly levels: Level<State, Input, Output>[] = [];
  private deepest = { ordered: -1, explanation: '' };

  constructor(
    operations: readonly Operation<Input, Output>[],
    private readonly model: Model<State, Input, Output>,
    private readonly stepsMax: number,
  ) {
    const byInvocation = [...operations].sort((one, other) => one.invokedAt - other.invokedAt);
    const known = byInvocation.filter(({ response }) => response !== undefined);
    this.unknown = byInvocation.filter(({ response }) => response === undefined);
    this.unknownUsed = this.unknown.map(() => false);
    this.ordered = known.map(() => false);
    this.remaining = known.length;
    this.head = linkedList(known);
  }

  run(): SearchResult {
    this.enter(this.model.initial);
    while (this.remaining > 0) {
      const level = this.levels.at(-1);
      if (level === undefined) {
        const { explanation } = this.deepest;
        return { verdict: 'violated', steps: this.steps, explanation };
      }
      const candidate = level.candidates[level.tried];
      if (candidate === undefined) this.takeBack();
      else {
        level.tried += 1;
        if (this.steps >= this.stepsMax) return { verdict: 'unknown', steps: this.steps };
        this.tryNext(level, candidate);
      }
    }
    return { verdict: 'linearizable', steps: this.steps };
  }

  private tryNext(level: Level<State, Input, Output>, candidate: Candidate<Input, Output>): void {
    this.steps += 1;
    const { input, response } = candidate.operation;
    const next = this.model.step(level.state, input, response?.output);
    if (next === undefined) return;
    this.mark(candidate, true);
    const key = this.key(next);
    if (this.entered.has(key)) {
      this.mark(candidate, false);
      return;
    }
    this.entered.add(key);
    level.chosen = candidate;
    if (candidate.entry !== undefined) {
      lift(candidate.entry);
      this.remaining -= 1;
    }
    this.enter(next);
  }

  private takeBack(): void {
    this.levels.pop();
    const level = this.levels.at(-1);
    const candidate = level?.chosen;
    if (level === undefined || candidate === undefined) return;
    level.chosen = undefined;
    if (candidate.entry !== undefined) {
      putBack(candidate.entry);
      this.remaining += 1;
    }
    this.mark(candidate, false);
  }

  private enter(state: State): void {
    const candidates: Candidate<Input, Output>[] = [];
    let entry = this.head.next;
    for (; entry?.isCall === true; entry = entry.next) {
      const { operation, index } = entry;
      if (operation !== undefined) candidates.push({ operation, entry, index });
    }
    const firstReturnAt = entry?.at ?? Infinity;
    for (const [index, operation] of this.unknown.entries()) {
      if (operation.invokedAt > firstReturnAt) break;
      if (this.unknownUsed[index] === false) {
        candidates.push({ operation, entry: undefined, index });
      }
    }
    this.levels.push({ state, candidates, tried: 0, chosen: undefined });
    this.noteDepth(state, candidates);
  }

  private mark({ entry, index }: Candidate<Input, Output>, used: boolean): void {
    if (entry === undefined) {
      this.unknownUsed[index] = used;
      return;
    }
    this.ordered[index] = used;
    if (used) this.ceiling = Math.max(this.ceiling, index + 1);
    else this.watermark = Math.min(this.watermark, index);
    while (this.ordered[this.watermark] === true) this.watermark += 1;
    while (this.ceiling > this.watermark && this.ordered[this.ceiling - 1] !== true) {
      this.ceiling -= 1;
    }
  }

  /** Which operations are ordered, and the state: exact, and short because operations are ordered nearly as they were invoked. */
  private key(state: State): string {
    let beyond = '';
    for (let index = this.watermark; index < this.ceiling; index += 1) {
      if (this.ordered[index] === true) beyond += `${index - this.watermark},`;
    }
    let unknown = '';
    for (const [index, used] of this.unknownUsed.entries()) if (used) unknown += `${index},`;
    return `${this.watermark}|${beyond}|${unknown}|${this.model.fingerprint(state)}`;
  }

  /** Remembers the state in which most operations were ordered: if there is no order, that is where to look. */
  private noteDepth(state: State, candidates: readonly Candidate<Input, Output>[]): void {
    const ordered = this.ordered.length - this.remaining;
    if (ordered <= this.deepest.ordered) return;
    const last = this.levels
      .slice(-5, -1)
      .map(({ chosen }) => (chosen === undefined ? '' : describe(chosen.operation)));
    const explanation =
      `${ordered} of ${this.ordered.length} operations can be ordered, the last ones: ${last.join('; ')}. ` +
      `Then the state is ${this.model.fingerprint(state)} and none of these fits: ` +
      candidates
        .slice(0, 8)
        .map(({ operation }) => describe(operation))
        .join('; ');
    this.deepest = { ordered, explanation };
  }
}

function describe<Input, Output>(operation: Operation<Input, Output>): string {
  const { name, input, invokedAt, response } = operation;
  const outcome = response === undefined ? '?' : JSON.stringify(response.output);
  const until = response === undefined ? '' : response.at.toFixed(1);
  return `[${invokedAt.toFixed(1)}-${until}] ${name} ${JSON.stringify(input)} -> ${outcome}`;
}

/** Calls before returns at the same time: what touches counts as concurrent. */
function linkedList<Input, Output>(
  known: readonly Operation<Input, Output>[],
): Entry<Input, Output> {
  const links = { previous: undefined, next: undefined, end: undefined };
  const entries: Entry<Input, Output>[] = [];
  for (const [index, operation] of known.entries()) {
    const at = operation.response?.at ?? Infinity;
    const end = { ...links, operation: undefined, index, isCall: false, at };
    entries.push({ ...links, operation, index, isCall: true, at: operation.invokedAt, end }, end);
  }
  entries.sort((one, other) => one.at - other.at || Number(other.isCall) - Number(one.isCall));
  const head = { ...links, operation: undefined, index: -1, isCall: true, at: -Infinity };
  let last: Entry<Input, Output> = head;
  for (const entry of entries) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

/** Takes a call and its return out of the list; they keep their places, see {@link putBack}. */
function lift<Input, Output>(entry: Entry<Input, Output>): void {
  for (const part of [entry, entry.end]) {
    if (part === undefined) continue;
    if (part.previous !== undefined) part.previous.next = part.next;
    if (part.next !== undefined) part.next.previous = part.previous;
  }
}

/** Undoes the newest {@link lift} (the dancing links of Knuth). */
function putBack<Input, Output>(entry: Entry<Input, Output>): void {
  for (const part of [entry.end, entry]) {
    if (part === undefined) continue;
    if (part.next !== undefined) part.next.previous = part;
    if (part.previous !== undefined) part.previous.next = part;
  }
}
