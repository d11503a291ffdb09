const BINARY: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** Bytes of a quantity such as `128Mi`; NaN for anything else. */
export function bytes(quantity: unknown): number {
  const [, number, unit = ''] = /^(\d+)(Ki|Mi|Gi)?$/.exec(String(quantity)) ?? [];
  return Number(number) * (BINARY[unit] ?? 1);
}

/** Cores of a quantity such as `100m` or `2`; NaN for anything else. */
export function cores(quantity: unknown): number {
  const [, number, unit] = /^(\d+)(m)?$/.exec(String(quantity)) ?? [];
  return Number(number) / (unit === 'm' ? 1000 : 1);
}
