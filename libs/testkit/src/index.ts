export { EventQueue } from './event-queue';
export { FakeClock } from './fake-clock';
export { seededRandom, type SeededRandom } from './random';
export { addCoverage, describeCoverage, emptyCoverage, type Coverage } from './simulation/coverage';
export {
  COVERAGE_MINIMA,
  simulate,
  SimulationFailure,
  type SimulationOptions,
} from './simulation/simulation';
