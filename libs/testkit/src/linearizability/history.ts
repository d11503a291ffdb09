/** One call as its client saw it. All times of a history are of one monotonic clock, in any unit. */
export interface Operation<Input, Output> {
  /** For reports, such as "client 3, call 17". */
  readonly name: string;
  /** Operations on different keys do not influence each other: each key is checked by itself. */
  readonly key: string;
  readonly input: Input;
  readonly invokedAt: number;
  /**
   * Undefined when the outcome is unknown (a timeout, a lost connection): the call may have taken effect at any time after its invocation, may
   * still do so, or never will.
   */
  readonly response: { readonly at: number; readonly output: Output } | undefined;
}

/** What a sequential object does: the specification that a history is compared with. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /**
   * The state after an operation took effect, or undefined when it cannot have taken effect in this state with this output. An undefined
   * output is an unknown one: the model says what the operation does when it takes effect, or undefined where that would change nothing
   * (that it never took effect is allowed anyway).
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /**
   * True for an operation that, when its outcome is unknown, may be taken to have had its effect any number of times. The search need not
   * remember then whether it has used it. Allows more histories, unless a second effect is impossible anyway. @default never
   */
  mayRepeat?(input: Input): boolean;
  /**
   * True for an operation with a response that, when it can take effect in this state, can as well do so at once: if there is an order, there is one in which it
   * comes next. Then the search tries nothing else. @default never
   */
  isHarmless?(state: State, input: Input): boolean;
  /** The same text for equal states, different texts for different ones. */
  fingerprint(state: State): string;
}

/** Groups operations by key, in the order of the keys' first appearance. */
export function partitionByKey<Input, Output>(
  operations: readonly Operation<Input, Output>[],
): Map<string, Operation<Input, Output>[]> {
  const partitions = new Map<string, Operation<Input, Output>[]>();
  for (const operation of operations) {
    const partition = partitions.get(operation.key);
    if (partition === undefined) partitions.set(operation.key, [operation]);
    else partition.push(operation);
  }
  return partitions;
}
