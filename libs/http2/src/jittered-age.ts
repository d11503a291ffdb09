/** How much the ages of connections differ. Source: gRFC A9. */
const ageJitter = 0.1;

/** The age of one connection, 10 % more or less by chance, so that not all come again at once. @param random a number from 0 to 1 */
export function jitteredAgeMs(ageMaxMs: number, random: () => number): number {
  return ageMaxMs * (1 + ageJitter * (2 * random() - 1));
}
