import { type KeySource } from '../domain/documents';
import { KeySet, type KeySetDependencies } from './key-set';

/** The key sets of all policies. One source is one set, whoever uses it, and goes on when a policy is replaced by one with the same source. */
export class KeySets {
  private readonly open = new Map<string, { readonly keys: KeySet; users: number }>();

  constructor(private readonly dependencies: KeySetDependencies) {}

  acquire(source: KeySource): KeySet {
    const name = JSON.stringify(source);
    const found = this.open.get(name) ?? { keys: new KeySet(source, this.dependencies), users: 0 };
    found.users += 1;
    this.open.set(name, found);
    return found.keys;
  }

  /** Gives back what was acquired; with its last user the set ends. */
  release(source: KeySource): void {
    const name = JSON.stringify(source);
    const found = this.open.get(name);
    if (found === undefined) return;
    found.users -= 1;
    if (found.users > 0) return;
    this.open.delete(name);
    found.keys.close();
  }
}
