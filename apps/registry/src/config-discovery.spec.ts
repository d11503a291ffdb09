import { config } from '@raftway/contracts';
import { type ConfigView, watchConfig } from '@raftway/discovery';
import { eventually, startRegistry, type StartedRegistry } from './testing/start-registry';

/** The client of configuration that other processes use, against a real registry. */

let started: StartedRegistry;
const views: ConfigView[] = [];

beforeEach(async () => {
  started = await startRegistry();
});

afterEach(async () => {
  for (const view of views.splice(0)) await view.close();
  await started.stop();
});

function watch(prefix = 'a/'): ConfigView {
  const view = watchConfig({ registry: [started.address], prefix, initialMs: 5, maxMs: 20 });
  views.push(view);
  return view;
}

function put(key: string, value: string): config.Operation {
  return { operation: { $case: 'put', value: { key, value } } };
}

function remove(key: string): config.Operation {
  return { operation: { $case: 'delete', value: { key } } };
}

function texts(view: ConfigView): Record<string, string> {
  return Object.fromEntries(view.entries());
}

it('shows what is below its prefix, and what changes there, as one', async () => {
  const view = watch();
  const other = watch('');
  await view.transact([], [put('a/1', 'x'), put('b', 'x')]);
  await eventually(() => view.entries().size === 1 && other.entries().size === 2);
  const changes: (readonly [Record<string, string>, string[]])[] = [];
  view.onChange(({ keys }) => changes.push([texts(view), [...keys].sort()]));

  const { revision } = await view.transact([], [put('a/2', 'y'), remove('a/1')]);
  await eventually(() => view.revision() >= revision);
  await view.transact([], [put('b', 'y')]);
  await eventually(() => view.revision() > revision);

  expect(changes).toEqual([[{ 'a/2': 'y' }, ['a/1', 'a/2']]]);
  expect(texts(other)).toEqual({ 'a/2': 'y', b: 'y' });
});

it('tells of the first snapshot, also of an empty one', async () => {
  const view = watch();
  let told = 0;
  view.onChange(() => (told += 1));
  expect(view.revision()).toBe(0n);

  await eventually(() => told === 1);

  expect([view.revision(), view.entries().size, view.isConnected()]).toEqual([1n, 0, true]);
});

it('has a change of several megabytes whole, or not at all', async () => {
  const view = watch();
  await eventually(() => view.revision() > 0n);
  const value = 'x'.repeat(300_000);
  const sizes = new Set<number>();
  view.onChange(() => sizes.add(view.entries().size));
  await view.transact([], [put('a/1', value), put('a/2', value), put('a/3', value)]);
  await eventually(() => view.entries().size === 3);
  const late = watch();

  await view.transact([], [put('a/1', `${value}1`), put('a/2', `${value}1`), put('a/4', value)]);
  await eventually(() => view.entries().size === 4 && late.entries().size >= 3);

  expect([...sizes]).toEqual([3, 4]);
});

it('does nothing when a condition does not hold', async () => {
  const view = watch();
  await eventually(() => view.revision() > 0n);
  const sinceRevision = view.revision();
  const unchanged: config.Condition = {
    condition: { $case: 'prefix', value: { prefix: 'a/', sinceRevision } },
  };

  const first = await view.transact([unchanged], [put('a/1', 'x')]);
  const second = await view.transact([unchanged], [put('a/1', 'y')]);

  expect([first.succeeded, second.succeeded]).toEqual([true, false]);
});

it('keeps what it has while the registry is away, and goes on when it is back', async () => {
  const view = watch();
  await view.transact([], [put('a/1', 'x')]);
  await eventually(() => view.entries().size === 1);
  const { address } = started;
  const snapshot = started.node.machine.snapshot();

  await started.stop();
  await eventually(() => !view.isConnected());
  const failed = await view.transact([], [put('a/1', 'y')], { timeoutMs: 100 }).then(
    () => false,
    () => true,
  );
  expect([texts(view), failed]).toEqual([{ 'a/1': 'x' }, true]);

  started = await startRegistry({ bind: address, snapshot });
  await eventually(() => view.isConnected());
  await view.transact([], [put('a/2', 'y')]);
  await eventually(() => view.entries().size === 2);
});

it('begins anew at a registry that has forgotten everything', async () => {
  const view = watch();
  await view.transact([], [put('a/1', 'x')]);
  await eventually(() => view.entries().size === 1);
  const { address } = started;
  await started.stop();

  started = await startRegistry({ bind: address });
  await eventually(() => view.isConnected() && view.entries().size === 0);

  expect(view.revision()).toBe(1n);
});
