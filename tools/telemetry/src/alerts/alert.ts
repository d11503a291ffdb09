/** One alert. It has a page of its own name in docs/operating/runbooks. */
export interface Alert {
  readonly name: string;
  /** `critical`: somebody has to act now. `warning`: today. */
  readonly severity: 'critical' | 'warning';
  /** PromQL; each series that it yields is one alert. */
  readonly expression: string;
  /** How long that has to last, as Prometheus writes it. */
  readonly for: string;
  /** One line; may have `{{ $labels.job }}` and `{{ $value }}`. */
  readonly summary: string;
  /** What it means to users, and the first thing to do. */
  readonly description: string;
}

/** Alerts that belong together. */
export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}

/** Where the pages are, from the workspace's root folder. */
export const RUNBOOKS = 'docs/operating/runbooks';
