import type { RaftLogger } from '../observer';

/** A set of callbacks. One that throws is logged and does not keep the others from being called. */
export class Listeners<Argument> {
  private readonly listeners = new Set<(argument: Argument) => void>();

  constructor(private readonly logger: RaftLogger) {}

  get isEmpty(): boolean {
    return this.listeners.size === 0;
  }

  /** @returns takes it out again. */
  add(listener: (argument: Argument) => void): () => void {
    // A wrapper of its own, so that one function that is added twice is called twice.
    const own = (argument: Argument): void => listener(argument);
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  emit(argument: Argument): void {
    for (const listener of this.listeners) {
      try {
        listener(argument);
      } catch (error) {
        this.logger.error('a listener failed', { error });
      }
    }
  }
}
