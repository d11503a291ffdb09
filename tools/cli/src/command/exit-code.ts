/** What every command ends with; after sysexits.h where it has a word for it. */
export const ExitCode = {
  done: 0,
  /** It was refused or failed, or `status` and `doctor` found something wrong. Nothing is in doubt. */
  failed: 1,
  /** `doctor` found nothing worse than a warning. */
  warned: 2,
  /** EX_USAGE: the command line is wrong; nothing was tried. */
  usage: 64,
  /** EX_UNAVAILABLE: nobody could be reached, or nobody leads. Nothing happened. */
  unavailable: 69,
  /** EX_SOFTWARE: a bug in this program; its stack is printed. */
  bug: 70,
  /** EX_TEMPFAIL: not done in time, or not known to be done. */
  unfinished: 75,
  /** EX_CONFIG: an option names something that is no good, such as a certificate. */
  badConfiguration: 78,
  /** `locks run`: the lock was lost while the command ran, and the command was stopped. */
  lockLost: 79,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Of commands that make a call. */
export const CALL_EXIT_CODES: readonly ExitCode[] = [
  ExitCode.done,
  ExitCode.failed,
  ExitCode.usage,
  ExitCode.unavailable,
  ExitCode.unfinished,
];

/** The table of the reference, and of `raftway --help`. */
export const EXIT_CODES: readonly (readonly [ExitCode, string])[] = [
  [ExitCode.done, 'done, and nothing is wrong'],
  [ExitCode.failed, 'refused or failed, or something is wrong'],
  [ExitCode.warned, 'doctor found nothing worse than a warning'],
  [ExitCode.usage, 'the command line is wrong, nothing was tried'],
  [ExitCode.unavailable, 'nobody could be reached, or nobody leads; nothing happened'],
  [ExitCode.bug, 'a bug in this program'],
  [ExitCode.unfinished, 'not done in time, or not known to be done'],
  [ExitCode.badConfiguration, 'an option names something that is no good, such as a certificate'],
  [ExitCode.lockLost, 'locks run: the lock was lost while the command ran'],
];
