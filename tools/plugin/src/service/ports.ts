import { readJson, type Tree } from '@nx/devkit';
import { Refusal } from '../refusal';

/**
 * Every service has ten container ports, of which it uses the first; its replicas' peers are 1000 above. On loopback `npm start` takes 30000
 * off, so that a service's instances have ten there.
 */
const FIRST = 50_051;
const LAST = 50_991;
const STEP = 10;

/** The port that is asked for, or the first that no app has. @throws Refusal for one that is taken, or outside of the range. */
export function freePort(tree: Tree, wanted: number | undefined): number {
  const apps = readJson<Record<string, { port: number }>>(tree, 'apps/apps.json');
  const owner = new Map(Object.entries(apps).map(([name, { port }]) => [port, name]));
  if (wanted !== undefined) {
    if (!(wanted >= FIRST && wanted <= LAST && (wanted - FIRST) % STEP === 0)) {
      throw new Refusal(
        `${wanted} is no port for a service: one is between ${FIRST} and ${LAST} and ends in 1; leave --port away to get the next free one.`,
      );
    }
    const taken = owner.get(wanted);
    if (taken !== undefined) {
      throw new Refusal(
        `${wanted} is the port of ${taken}: leave --port away to get the next free one.`,
      );
    }
    return wanted;
  }
  const used = [...owner.keys()].filter((port) => port >= FIRST && port <= LAST);
  const next = Math.max(FIRST - STEP, ...used) + STEP;
  if (next > LAST) throw new Refusal(`no port is left after ${LAST}: give one with --port.`);
  return next;
}
