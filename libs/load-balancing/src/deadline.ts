import { type Endpoint, type Picker, type PickRequest, type RandomSource } from './endpoint';

/** An endpoint's place in the schedule. */
interface Turn<E> {
  readonly endpoint: E;
  /** Order among turns with the same deadline. */
  readonly index: number;
  /** The part of the first distance that passes before the first turn, 0 to 1. */
  readonly phase: number;
  weight: number;
  /** Where the deadlines of its present weight count from. */
  anchor: number;
  /** Turns since the anchor. */
  count: number;
  deadline: number;
}

/** Multiples of it, without their whole parts, lie apart however many there are: the golden ratio's part below one. */
const apart = 0.618033988749895;

/**
 * Earliest deadline first: every endpoint has a turn at regular distances of 1 / weight, and the turn that is due first is
 * taken. So each gets exactly its share over one cycle (the sum of the weights, divided by their greatest common divisor).
 * There are no bursts, as the endpoints' first turns lie apart: weights 5, 1, 1 give a b a a a c a. Weights may change from
 * turn to turn. An endpoint that is unavailable when it is due comes as soon as it is available, once: it saves up no turns.
 * A pick takes time logarithmic in the number of endpoints, and as much for each that is due and unavailable.
 * Source: the "EDF" schedulers of Envoy and gRPC.
 */
export class DeadlinePicker<E extends Endpoint> implements Picker<E> {
  /** A heap: each turn is due no later than the two at 2 i + 1 and 2 i + 2. */
  private heap: Turn<E>[] = [];
  private readonly skipped: Turn<E>[] = [];

  private readonly start: number;

  /**
   * @param random where the first cycle starts, so that many gateways that start together do not go the same way.
   * @param weightOf the weight of an endpoint now, above 0.
   */
  constructor(
    random: RandomSource,
    private readonly weightOf: (endpoint: E, nowMs: number) => number,
  ) {
    this.start = random();
  }

  replace(endpoints: readonly E[]): void {
    const weights = new Map(
      this.heap.map(({ endpoint }) => [endpoint.key, endpoint.weight] as const),
    );
    const places = new Map(this.heap.map((turn) => [turn.endpoint.key, turn]));
    // A new set of weights is a new cycle: turns of the old one would favour or starve an endpoint.
    const unchanged =
      endpoints.length === weights.size &&
      endpoints.every(({ key, weight }) => weights.get(key) === weight);
    this.heap = endpoints.map((endpoint, index) => ({
      ...((unchanged ? places.get(endpoint.key) : undefined) ?? unknown),
      endpoint,
      index,
      phase: (this.start + (index + 1) * apart) % 1,
    }));
    this.heap.sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  pick(request: PickRequest<E>): E | undefined {
    const { nowMs } = request;
    for (let turn = this.due(nowMs); turn !== undefined; turn = this.due(nowMs)) {
      if (request.isAvailable(turn.endpoint)) {
        const { deadline } = turn;
        this.advanceFirst(turn, nowMs);
        this.giveBackSkipped(deadline);
        return turn.endpoint;
      }
      this.skipped.push(turn);
      this.removeFirst();
    }
    this.giveBackSkipped(-Infinity);
    return undefined;
  }

  /** The turn that is due. The first turn of an endpoint has no deadline before it is looked at, as its weight depends on the time. */
  private due(nowMs: number): Turn<E> | undefined {
    for (let first = this.heap[0]; first?.weight === 0; first = this.heap[0]) {
      first.weight = this.weightOf(first.endpoint, nowMs);
      first.deadline = first.phase / first.weight;
      this.sink(0);
    }
    return this.heap[0];
  }

  private advanceFirst(turn: Turn<E>, nowMs: number): void {
    const weight = this.weightOf(turn.endpoint, nowMs);
    if (weight !== turn.weight) {
      turn.anchor = turn.deadline - turn.phase / weight;
      turn.count = 0;
      turn.weight = weight;
    }
    turn.count += 1;
    turn.deadline = turn.anchor + (turn.count + turn.phase) / weight;
    this.sink(0);
  }

  private giveBackSkipped(deadline: number): void {
    for (let turn = this.skipped.pop(); turn !== undefined; turn = this.skipped.pop()) {
      if (turn.deadline < deadline) {
        turn.anchor = deadline - turn.phase / turn.weight;
        turn.count = 0;
        turn.deadline = deadline;
      }
      this.insert(turn);
    }
  }

  private insert(turn: Turn<E>): void {
    let at = this.heap.push(turn) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = this.heap[parent];
      if (above === undefined || !isBefore(turn, above)) break;
      this.heap[at] = above;
      at = parent;
    }
    this.heap[at] = turn;
  }

  private removeFirst(): void {
    const last = this.heap.pop();
    if (last === undefined || this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink(0);
  }

  /** Moves the turn at `at`, which may have become later, to its place. */
  private sink(at: number): void {
    const turn = this.heap[at];
    if (turn === undefined) return;
    for (;;) {
      let child = 2 * at + 1;
      let below = this.heap[child];
      const right = this.heap[child + 1];
      if (below === undefined) break;
      if (right !== undefined && isBefore(right, below)) {
        below = right;
        child += 1;
      }
      if (isBefore(turn, below)) break;
      this.heap[at] = below;
      at = child;
    }
    this.heap[at] = turn;
  }
}

/** A turn before the weight of its endpoint was asked for. */
const unknown = { weight: 0, anchor: 0, count: 0, deadline: 0 };

function isBefore<E>(a: Turn<E>, b: Turn<E>): boolean {
  return a.deadline < b.deadline || (a.deadline === b.deadline && a.index < b.index);
}
