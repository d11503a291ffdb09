import type { ApplyContext, StateMachine } from '../../src/state-machine';

/**
 * The smallest machine that shows what the library promises: text commands `set <key> <value>`, `add <key> <number>`, `lease <key> <ms>`
 * and `fail`, and the key's new value as the result.
 */
export class KeyValue implements StateMachine<string> {
  readonly values = new Map<string, string>();
  readonly deadlines = new Map<string, number>();
  appliedCount = 0;

  apply(command: Uint8Array, context: ApplyContext): string {
    this.appliedCount += 1;
    const [verb, key = '', value = ''] = Buffer.from(command).toString('utf8').split(' ');
    switch (verb) {
      case 'set':
        this.values.set(key, value);
        break;
      case 'add':
        this.values.set(key, String(Number(this.values.get(key) ?? 0) + Number(value)));
        break;
      case 'lease':
        this.values.set(key, 'held');
        this.deadlines.set(key, context.nowMs + Number(value));
        break;
      case 'fail':
        throw new Error('the state machine is broken');
      default:
    }
    return this.values.get(key) ?? '';
  }

  expire(context: ApplyContext): void {
    for (const [key, deadlineMs] of this.deadlines) {
      if (deadlineMs > context.nowMs) continue;
      this.deadlines.delete(key);
      this.values.set(key, 'expired');
    }
  }

  nextDeadlineMs(): number | undefined {
    return this.deadlines.size === 0 ? undefined : Math.min(...this.deadlines.values());
  }

  snapshot(): Uint8Array {
    return Buffer.from(
      JSON.stringify({ values: [...this.values], deadlines: [...this.deadlines] }),
    );
  }

  restore(snapshot: Uint8Array): void {
    const { values, deadlines } = JSON.parse(Buffer.from(snapshot).toString('utf8')) as {
      values: [string, string][];
      deadlines: [string, number][];
    };
    this.values.clear();
    this.deadlines.clear();
    for (const [key, value] of values) this.values.set(key, value);
    for (const [key, deadlineMs] of deadlines) this.deadlines.set(key, deadlineMs);
  }

  encodeResult(result: string): Uint8Array {
    return Buffer.from(result, 'utf8');
  }

  decodeResult(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString('utf8');
  }
}

/** A command for {@link KeyValue}. */
export function command(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

/** Waits until a condition holds; throws after 10 s. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`waited 10 s in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
