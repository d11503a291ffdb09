import type { Tree } from '@nx/devkit';
import { appendToJson } from './json';
import { editFile } from './tree';

/** A call through the gateway that `apps/e2e` makes, and what it must answer at least. */
export interface Call {
  /** Such as `orders.v1.OrdersService/Echo`. */
  readonly method: string;
  readonly requests: readonly object[];
  readonly replies: readonly object[];
}

/** Adds a call to those that `apps/e2e` makes with a client that is not ours. */
export function addCall(tree: Tree, call: Call): void {
  editFile(tree, 'apps/e2e/calls.json', (text) => appendToJson(text, JSON.stringify(call)));
}
