/** Describes what pods do that have loopback addresses of their own: only Linux has all of 127.0.0.0/8 without further ado. Elsewhere it is counted as skipped. */
export const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;
