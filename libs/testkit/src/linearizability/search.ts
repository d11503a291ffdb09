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
 * that has a response is ordered: what is left over never took effect. So it is enough to place one right before an operation that it makes
 * possible; and at each place few of them are tried before many. Lowe's memory is sharpened for them: a way that has used more of
 * them than another, and is otherwise where that one was, has no future that the other lacks. Without this, each of them would double the work.
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

/** A state that operations of unknown outcome alone can lead to from a level's first one. */
interface Reached<State> {
  readonly state: State;
  /** All that were used up to here: bit n for the n-th. */
  readonly used: bigint;
}

/** One level of the search: everything in which the same operations with a response are ordered in the same way. */
interface Level<State, Input, Output> {
  /** What may come next. */
  readonly candidates: readonly Entry<Input, Output>[];
  /** Operations of unknown outcome that were invoked before this may begin here. */
  readonly firstReturnAt: number;
  /** Grows as it is searched: few operations of unknown outcome before many. */
  readonly reached: Reached<State>[];
  position: number;
  tried: number;
  /** The choice that led to the level above. */
  chosen: Entry<Input, Output> | undefined;
}

/** The state in which most operations with a response were ordered. */
interface Depth<State, Input, Output> {
  readonly ordered: number;
  readonly last: readonly (Entry<Input, Output> | undefined)[];
  readonly state: State;
  readonly candidates: readonly Entry<Input, Output>[];
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
  private readonly ordered: boolean[];
  /** All operations with a response below this index are ordered. */
  private watermark = 0;
  /** None at or above this index is. */
  private ceiling = 0;
  private remaining: number;
  private steps = 0;
  /** By the ordered operations and the state: the sets of used operations of unknown outcome with which that was entered. */
  private readonly entered = new Map<string, bigint[]>();
  private readonly levels: Level<State, Input, Output>[] = [];
  private deepest: Depth<State, Input, Output> | undefined;

  constructor(
    operations: readonly Operation<Input, Output>[],
    private readonly model: Model<State, Input, Output>,
    private readonly stepsMax: number,
  ) {
    const byInvocation = [...operations].sort((one, other) => one.invokedAt - other.invokedAt);
    const known = byInvocation.filter(({ response }) => response !== undefined);
    this.unknown = byInvocation.filter(({ response }) => response === undefined);
    this.ordered = known.map(() => false);
    this.remaining = known.length;
    this.head = linkedList(known);
  }

  run(): SearchResult {
    this.enter({ state: this.model.initial, used: 0n });
    while (this.remaining > 0) {
      const level = this.levels.at(-1);
      if (level === undefined) {
        return { verdict: 'violated', steps: this.steps, explanation: this.explain() };
      }
      if (this.steps >= this.stepsMax) return { verdict: 'unknown', steps: this.steps };
      const from = level.reached[level.position];
      const candidate = level.candidates[level.tried];
      if (from === undefined) this.takeBack();
      else if (level.tried === 0 && this.takeHarmless(level, from)) continue;
      else if (candidate !== undefined) {
        level.tried += 1;
        this.tryNext(level, from, candidate);
      } else {
        this.reachFurther(level, from);
        level.position += 1;
        level.tried = 0;
      }
    }
    return { verdict: 'linearizable', steps: this.steps };
  }

  /** Goes on with an operation that rules out no order, if there is one: then nothing else has to be tried from here. */
  private takeHarmless(level: Level<State, Input, Output>, from: Reached<State>): boolean {
    const { model } = this;
    if (model.isHarmless === undefined) return false;
    for (const candidate of level.candidates) {
      const { operation } = candidate;
      if (operation === undefined || !model.isHarmless(from.state, operation.input)) continue;
      this.steps += 1;
      if (model.step(from.state, operation.input, operation.response?.output) === undefined) {
        continue;
      }
      level.position += 1;
      this.tryNext(level, from, candidate);
      return true;
    }
    return false;
  }

  private tryNext(
    level: Level<State, Input, Output>,
    { state, used }: Reached<State>,
    candidate: Entry<Input, Output>,
  ): void {
    if (candidate.operation === undefined) return;
    this.steps += 1;
    const { input, response } = candidate.operation;
    const next = this.model.step(state, input, response?.output);
    if (next === undefined) return;
    this.mark(candidate.index, true);
    if (this.isNoBetter(next, used)) {
      this.mark(candidate.index, false);
      return;
    }
    level.chosen = candidate;
    lift(candidate);
    this.remaining -= 1;
    this.enter({ state: next, used });
  }

  /** Adds what one more operation of unknown outcome leads to. */
  private reachFurther(level: Level<State, Input, Output>, { state, used }: Reached<State>): void {
    for (const [index, { invokedAt, input }] of this.unknown.entries()) {
      if (invokedAt > level.firstReturnAt) return;
      const bit = this.model.mayRepeat?.(input) === true ? 0n : 1n << BigInt(index);
      if ((used & bit) !== 0n) continue;
      this.steps += 1;
      const next = this.model.step(state, input, undefined);
      if (next === undefined || this.isNoBetter(next, used | bit)) continue;
      level.reached.push({ state: next, used: used | bit });
    }
  }

  private takeBack(): void {
    this.levels.pop();
    const level = this.levels.at(-1);
    const candidate = level?.chosen;
    if (level === undefined || candidate === undefined) return;
    level.chosen = undefined;
    putBack(candidate);
    this.remaining += 1;
    this.mark(candidate.index, false);
  }

  private enter(first: Reached<State>): void {
    const candidates: Entry<Input, Output>[] = [];
    let entry = this.head.next;
    for (; entry?.isCall === true; entry = entry.next) candidates.push(entry);
    const firstReturnAt = entry?.at ?? Infinity;
    const start = { reached: [first], position: 0, tried: 0, chosen: undefined };
    this.levels.push({ candidates, firstReturnAt, ...start });
    this.noteDepth(first.state, candidates);
  }

  private mark(index: number, isOrdered: boolean): void {
    this.ordered[index] = isOrdered;
    if (isOrdered) this.ceiling = Math.max(this.ceiling, index + 1);
    else this.watermark = Math.min(this.watermark, index);
    while (this.ordered[this.watermark] === true) this.watermark += 1;
    while (this.ceiling > this.watermark && this.ordered[this.ceiling - 1] !== true) {
      this.ceiling -= 1;
    }
  }

  /** True when the search has been here before with no more operations of unknown outcome used; notes that it is here now. */
  private isNoBetter(state: State, used: bigint): boolean {
    const key = this.key(state);
    const before = this.entered.get(key);
    if (before === undefined) {
      this.entered.set(key, [used]);
      return false;
    }
    if (before.some((fewer) => (fewer & used) === fewer)) return true;
    before.push(used);
    return false;
  }

  /** Which operations with a response are ordered, and the state: exact, and short because they are ordered nearly as they were invoked. */
  private key(state: State): string {
    let beyond = '';
    for (let index = this.watermark; index < this.ceiling; index += 1) {
      if (this.ordered[index] === true) beyond += `${index - this.watermark},`;
    }
    return `${this.watermark}|${beyond}|${this.model.fingerprint(state)}`;
  }

  /** Remembers the state in which most operations were ordered: if there is no order, that is where to look. */
  private noteDepth(state: State, candidates: readonly Entry<Input, Output>[]): void {
    const ordered = this.ordered.length - this.remaining;
    if (this.deepest !== undefined && ordered <= this.deepest.ordered) return;
    const last = this.levels.slice(-5, -1).map(({ chosen }) => chosen);
    this.deepest = { ordered, last, state, candidates };
  }

  private explain(): string {
    if (this.deepest === undefined) return '';
    const { ordered, last, state, candidates } = this.deepest;
    const words = (entries: readonly (Entry<Input, Output> | undefined)[]): string =>
      entries.map((entry) => describe(entry?.operation)).join('; ');
    return (
      `${ordered} of ${this.ordered.length} operations can be ordered, the last ones: ${words(last)}. ` +
      `Then the state is ${this.model.fingerprint(state)} and none of these fits: ${words(candidates.slice(0, 8))}`
    );
  }
}

function describe<Input, Output>(operation: Operation<Input, Output> | undefined): string {
  if (operation === undefined) return '';
  const { name, input, invokedAt, response } = operation;
  const outcome = response === undefined ? '?' : asText(response.output);
  const until = response === undefined ? '' : response.at.toFixed(1);
  return `[${invokedAt.toFixed(1)}-${until}] ${name} ${asText(input)} -> ${outcome}`;
}

function asText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? String(part) : part,
  );
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
