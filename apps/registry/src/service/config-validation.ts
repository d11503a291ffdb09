import { type config } from '@raftway/contracts';
import { type ConfigCondition, type ConfigOperation } from '../domain/config-commands';
import { sizeOf } from '../domain/config-state';
import { Violations } from './validation';

const KEY_MAX = 512;
// eslint-disable-next-line no-control-regex -- these are what a key must not have
const CONTROL = /[\u0000-\u001f\u007f]/;
const VALUE_BYTES_MAX = 512 * 1024;
const CONDITIONS_MAX = 1000;
const OPERATIONS_MAX = 10_000;
/** Leaves room in a command of Raft (1 MiB) for what is beside keys and texts. */
const TRANSACTION_BYTES_MAX = 1_000_000;
const REQUEST_ID_MAX = 128;
const PAGE_SIZE_MAX = 1000;
const PAGE_SIZE_DEFAULT = 100;

/** A transaction as it is proposed. */
export interface ValidTransaction {
  readonly conditions: readonly ConfigCondition[];
  readonly operations: readonly ConfigOperation[];
}

/** @throws ServiceError INVALID_ARGUMENT */
export function validKey(key: string): string {
  const violations = new Violations();
  checkKey('key', key, violations);
  violations.check();
  return key;
}

/** @throws ServiceError INVALID_ARGUMENT */
export function validPrefix(prefix: string): string {
  const violations = new Violations();
  checkPrefix('prefix', prefix, violations);
  violations.check();
  return prefix;
}

/** One change under the fields' own names. @throws ServiceError INVALID_ARGUMENT */
export function validChange(
  operation: ConfigOperation,
  requestId: string,
  conditions: readonly ConfigCondition[] = [],
): ValidTransaction {
  const violations = new Violations();
  checkOperation('', operation, violations);
  violations.text('request_id', requestId, REQUEST_ID_MAX);
  violations.check();
  return { conditions, operations: [operation] };
}

/** A revision as numbers are kept here; one that can be none stands for none that ever was. */
export function revisionOf(revision: bigint): number {
  return revision > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(revision);
}

/** @throws ServiceError INVALID_ARGUMENT with one violation for each bad field. */
export function validTransaction(request: config.TxnRequest): ValidTransaction {
  const violations = new Violations();
  const { conditions, operations } = request;
  violations.text('request_id', request.requestId, REQUEST_ID_MAX);
  atMost('conditions', conditions.length, CONDITIONS_MAX, violations);
  atMost('operations', operations.length, OPERATIONS_MAX, violations);
  violations.check();
  const validated = {
    conditions: conditions.flatMap((one, index) =>
      conditionOf(`conditions[${index}]`, one, violations),
    ),
    operations: operations.flatMap((one, index) =>
      operationOf(`operations[${index}]`, one, violations),
    ),
  };
  const keys = new Set<string>();
  validated.operations.forEach(({ key }, index) => {
    if (keys.has(key)) violations.add(`operations[${index}]`, 'is about a key of another one');
    keys.add(key);
  });
  const bytes = validated.operations.reduce(
    (sum, { key, value = '' }) => sum + sizeOf(key, value),
    0,
  );
  const rule = `at most ${TRANSACTION_BYTES_MAX} bytes of keys and texts`;
  violations.range('operations', bytes, rule, bytes <= TRANSACTION_BYTES_MAX);
  violations.check();
  return validated;
}

/** The page size, and the key that the page before ended with ('' = start). @throws ServiceError INVALID_ARGUMENT */
export function validConfigPage({ prefix, pageSize, pageToken }: config.ListRequest): {
  readonly prefix: string;
  readonly pageSize: number;
  readonly after: string;
} {
  const violations = new Violations();
  checkPrefix('prefix', prefix, violations);
  atMost('page_size', pageSize, PAGE_SIZE_MAX, violations);
  const after = Buffer.from(pageToken, 'base64url').toString();
  if (keyPageToken(after) !== pageToken)
    violations.add('page_token', 'must be the next_page_token of an earlier answer');
  violations.check();
  return { prefix, pageSize: pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize, after };
}

/** The token that continues after a key. */
export function keyPageToken(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function conditionOf(
  field: string,
  { condition }: config.Condition,
  violations: Violations,
): ConfigCondition[] {
  switch (condition?.$case) {
    case 'entry': {
      const { key, modifiedRevision } = condition.value;
      checkKey(`${field}.entry.key`, key, violations);
      return [{ kind: 'entry', key, revision: revisionOf(modifiedRevision) }];
    }
    case 'prefix': {
      const { prefix, sinceRevision } = condition.value;
      checkPrefix(`${field}.prefix.prefix`, prefix, violations);
      return [{ kind: 'prefix', prefix, revision: revisionOf(sinceRevision) }];
    }
    case undefined:
      violations.add(field, 'must have an entry or a prefix');
      return [];
  }
}

function operationOf(
  field: string,
  { operation }: config.Operation,
  violations: Violations,
): ConfigOperation[] {
  if (operation === undefined) {
    violations.add(field, 'must have a put or a delete');
    return [];
  }
  const value = operation.$case === 'put' ? operation.value.value : undefined;
  const given = { key: operation.value.key, value };
  checkOperation(`${field}.${operation.$case}.`, given, violations);
  return [given];
}

/** @param prefix of the fields' names */
function checkOperation(
  prefix: string,
  { key, value }: ConfigOperation,
  violations: Violations,
): void {
  checkKey(`${prefix}key`, key, violations);
  if (value === undefined) return;
  const bytes = Buffer.byteLength(value);
  violations.range(
    `${prefix}value`,
    bytes,
    `at most ${VALUE_BYTES_MAX} bytes`,
    bytes <= VALUE_BYTES_MAX,
  );
}

function checkKey(field: string, key: string, violations: Violations): void {
  if (key === '') violations.add(field, 'is required');
  else checkPrefix(field, key, violations);
}

function checkPrefix(field: string, prefix: string, violations: Violations): void {
  violations.text(field, prefix, KEY_MAX);
  if (CONTROL.test(prefix)) violations.add(field, 'must not have control characters');
}

function atMost(field: string, count: number, countMax: number, violations: Violations): void {
  violations.range(field, count, `at most ${countMax}`, count <= countMax);
}
